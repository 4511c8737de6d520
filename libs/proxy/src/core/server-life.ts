import type { Pool, Server } from '@spillway/snapshot';
import type { ServerRuntime, ServerState } from './server.js';

/** What the configuration wants of a server. */
export interface Life {
  readonly state: ServerState;
  /** Milliseconds until what is left of it is ended; -1 never. Of no meaning for an enabled one. */
  readonly left: number;
  /** Tells one deadline from another. */
  readonly mark: number;
}

const ENABLED: Life = { state: 'enabled', left: -1, mark: 0 };
/** Removed servers are as disabled ones: connections are reset at once (pools document, Remove, Disable). */
export const DISABLED: Life = { state: 'disabled', left: 0, mark: 0 };

/** @param now milliseconds since 1970 */
export function lifeOf(pool: Pool, { state, drain_until: until }: Server, now: number): Life {
  if (state === 'enabled') return ENABLED;
  if (state === 'disabled') return DISABLED;
  if (until !== undefined) return { state, left: Math.max(0, until - now), mark: until };
  return { state, left: pool.graceful_disable_timeout, mark: -1 - pool.graceful_disable_timeout };
}

/** A server whose whole pool is used no more: connections live on for the pool's time, nothing new comes. */
export const leaving = (pool: Pool | undefined): Life => ({
  state: 'draining',
  left: pool?.graceful_disable_timeout ?? 0,
  mark: 0,
});

/** Gives servers their lives. All get their states before any acts: what one ends looks for another at once. */
export class Lives {
  private readonly changed: [server: ServerRuntime, life: Life][] = [];

  set(server: ServerRuntime, life: Life): void {
    if (server.state === life.state && server.lifeMark === life.mark) return;
    server.state = life.state;
    server.lifeMark = life.mark;
    this.changed.push([server, life]);
  }

  enforce(): void {
    for (const [server, { left }] of this.changed) server.enforce(left);
  }
}
