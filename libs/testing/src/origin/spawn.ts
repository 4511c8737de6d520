import type { Netns } from '../process/netns.js';
import { Program } from '../process/program.js';
import type { Scope } from '../process/scope.js';
import type { Origin, OriginBehaviour, OriginCounters, OriginSpec } from './behaviour.js';
import { HttpOrigin } from './http-origin.js';
import { TcpEchoOrigin } from './tcp-origin.js';

/** Starts an origin in this process; the scope ends it. */
export async function startOrigin(scope: Scope, spec: OriginSpec): Promise<Origin> {
  const origin = spec.kind === 'tcp' ? await TcpEchoOrigin.start(spec) : await HttpOrigin.start(spec);
  scope.defer(`origin ${spec.name}`, () => origin.goAway('reset'));
  return origin;
}

class SpawnedOrigin implements Origin {
  constructor(
    private readonly program: Program,
    readonly name: string,
    readonly kind: 'http' | 'tcp',
    readonly host: string,
    readonly port: number,
  ) {}

  set(behaviour: Partial<OriginBehaviour>): Promise<void> {
    return this.program.call('set', { name: this.name, behaviour });
  }

  counters(): Promise<OriginCounters> {
    return this.program.call('counters', { name: this.name });
  }

  goAway(connections: 'keep' | 'close' | 'reset' = 'reset'): Promise<void> {
    return this.program.call('goAway', { name: this.name, connections });
  }

  comeBack(): Promise<void> {
    return this.program.call('comeBack', { name: this.name });
  }

  resetConnections(): Promise<void> {
    return this.program.call('resetConnections', { name: this.name });
  }
}

/** Origins that share one process of their own, and that process (to kill or stop it). */
export interface SpawnedOrigins {
  origins: Origin[];
  program: Program;
}

/** Starts origins in one process of their own, in a namespace if wanted; the scope ends it. */
export async function spawnOrigins(
  scope: Scope,
  specs: OriginSpec[],
  options: { netns?: Netns } = {},
): Promise<SpawnedOrigins> {
  const program = await Program.start(scope, new URL('./origin.program.js', import.meta.url), {
    name: `origins ${specs.map((s) => s.name).join(', ')}`,
    ...options,
  });
  const origins: Origin[] = [];
  for (const spec of specs) {
    const { host, port } = await program.call<{ host: string; port: number }>('start', spec);
    origins.push(new SpawnedOrigin(program, spec.name, spec.kind ?? 'http', host, port));
  }
  return { origins, program };
}
