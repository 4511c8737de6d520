import { ClientConnection, now } from '../http/connection.js';
import type { Visited, VisitSpec } from './visit.js';
import { connectionOwners } from '../process/socket-owner.js';
import type { Netns } from '../process/netns.js';
import { Program } from '../process/program.js';
import type { Scope } from '../process/scope.js';

/** Which new connections to count. */
export interface SpreadSpec {
  host: string;
  port: number;
  /** How many connections in all. */
  connections: number;
  /** How many stand at a time. Default 250. */
  batch?: number;
  /** Name of each SE to the pid of its supervisor. */
  roots: Record<string, number>;
  /** Request that proves that the connection was accepted; null: none (L4). Default `/`. */
  path?: string | null;
}

/** Where new connections went. */
export interface Spread {
  connections: number;
  perSe: Record<string, number>;
  /** Accepted by none of the SEs named. */
  unattributed: number;
  failures: string[];
}

/** Opens connections, batch by batch, and asks the kernel which SE accepted each. */
export async function spread(spec: SpreadSpec): Promise<Spread> {
  const { host, port, roots, path = '/', batch = 250 } = spec;
  const result: Spread = { connections: 0, perSe: {}, unattributed: 0, failures: [] };
  while (result.connections < spec.connections) {
    const size = Math.min(batch, spec.connections - result.connections);
    const tried = await Promise.allSettled(
      Array.from({ length: size }, async () => {
        const connection = await ClientConnection.open({ host, port });
        if (path !== null) await connection.request({ path, timeout: 5_000 });
        return connection;
      }),
    );
    result.connections += size;
    const open = tried.filter((t) => t.status === 'fulfilled').map((t) => t.value);
    for (const t of tried) if (t.status === 'rejected') result.failures.push(String(t.reason));
    const owners = connectionOwners(host, port, roots);
    for (const connection of open) {
      const se = owners.get(connection.localPort);
      if (se === undefined) result.unattributed++;
      else result.perSe[se] = (result.perSe[se] ?? 0) + 1;
      connection.reset();
    }
  }
  return result;
}

/**
 * Opens connections until one is accepted by `se` and answered.
 * @returns when that was (ms since the epoch) @throws when it did not happen within `within` ms
 */
export async function firstServedBy(
  spec: Omit<SpreadSpec, 'connections'> & { se: string; within: number },
): Promise<number> {
  const began = now();
  let seen: Spread | undefined;
  while (now() - began < spec.within) {
    seen = await spread({ ...spec, connections: 16, batch: 16 });
    if ((seen.perSe[spec.se] ?? 0) > 0) return now();
  }
  throw new Error(
    `${spec.se} accepted no new connection within ${spec.within} ms; last seen: ${JSON.stringify(seen)}`,
  );
}

/** `visit`, `spread` and `firstServedBy` in a process of their own, in a namespace if wanted. */
export class Probe {
  private constructor(private readonly program: Program) {}

  static async start(scope: Scope, options: { netns?: Netns } = {}): Promise<Probe> {
    return new Probe(
      await Program.start(scope, new URL('./probe.program.js', import.meta.url), {
        name: 'probe',
        ...options,
      }),
    );
  }

  spread(spec: SpreadSpec): Promise<Spread> {
    return this.program.call('spread', spec, 300_000);
  }

  visit(spec: VisitSpec): Promise<Visited[]> {
    return this.program.call('visit', spec, 120_000);
  }

  firstServedBy(spec: Parameters<typeof firstServedBy>[0]): Promise<number> {
    return this.program.call('firstServedBy', spec, spec.within + 30_000);
  }
}
