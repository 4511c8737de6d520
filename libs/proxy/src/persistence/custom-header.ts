import type { PersistenceProfile } from '@spillway/snapshot';
import type { Asker } from '../core/asker.js';
import type { ServerRuntime } from '../core/server.js';
import type { Known, Persistence } from './persistence.js';

/** A header of the request names the server, by the value that the pool gives to it (pools document, Header Value). */
export class CustomHeader implements Persistence {
  readonly whenDown: PersistenceProfile['when_down'];
  private readonly lowerCase: string;
  private readonly byValue = new Map<string, ServerRuntime>();

  constructor(
    name: string,
    profile: PersistenceProfile,
    servers: readonly ServerRuntime[],
    values: readonly (string | undefined)[],
  ) {
    this.whenDown = profile.when_down;
    this.lowerCase = name.toLowerCase();
    for (const [i, value] of values.entries())
      if (value !== undefined && !this.byValue.has(value)) this.byValue.set(value, servers[i]!);
  }

  recognise({ message }: Asker): Known {
    const value = message?.header(this.lowerCase) ?? null;
    return { by: this, server: value === null ? null : (this.byValue.get(value) ?? null) };
  }

  /** Nothing is learned: what the header says is all there is. */
  learn(_known: Known, server: ServerRuntime): ServerRuntime {
    return server;
  }
}
