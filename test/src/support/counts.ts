import { eventually } from '@spillway/testing';
import type { World } from './world.js';

/** Requests that each origin gets of so many, each on a connection of its own; none may fail. */
export async function countsOf(world: World, connections: number, batch = 50): Promise<number[]> {
  const seen = async (): Promise<number[]> =>
    Promise.all(world.origins.map(async (o) => (await o.counters()).requests));
  const roots = await world.instance.serviceEngineRoots();
  const before = await seen();
  const spread = await world.probe.spread({ host: world.vip4, port: world.port, connections, batch, roots });
  if (spread.failures.length > 0) throw new Error(spread.failures.slice(0, 3).join('; '));
  return (await seen()).map((n, i) => n - before[i]!);
}

interface ServerRuntime {
  ip_addr: { addr: string };
  port: number;
  oper_status: { state: string };
  /** What is left of its part of the traffic, on the SE that leaves it least. */
  share?: number;
  connection_ramp?: { se_name: string; share: number; full_at: string }[];
  fewest_tasks?: { se_name: string; feedback: number; tasks: number }[];
}

/** The servers of the pool as its runtime shows them in detail, in the order of the pool. */
export async function serverDetails(world: World): Promise<ServerRuntime[]> {
  const path = `/api/pool/${world.pool.uuid}/runtime/server/detail`;
  return (await world.api.get<{ results: ServerRuntime[] }>(path)).results;
}

/** Waits until every SE has the servers of the pool in these states, in the order of the pool. */
export async function serversAre(world: World, states: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const { results } = await world.api.get<{ results: ServerRuntime[] }>(
        `/api/pool/${world.pool.uuid}/runtime/server`,
      );
      const found = results.map((s) => s.oper_status.state);
      return found.join() === states.join() || Promise.reject(new Error(found.join()));
    },
    { within: 20_000, every: 50, what: `servers to be ${states.join(', ')}` },
  );
}

interface ServerDetail {
  health_monitor: { state: string }[];
}

/** The same of every SE by itself: one has a verdict of its own. */
export async function verdictsAre(world: World, states: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const { results } = await world.api.get<{ results: ServerDetail[] }>(
        `/api/pool/${world.pool.uuid}/runtime/server/detail`,
      );
      const found = results.map((s) => [...new Set(s.health_monitor.map((m) => m.state))].join('+'));
      return found.join() === states.join() || Promise.reject(new Error(found.join()));
    },
    { within: 20_000, every: 50, what: `every SE to find the servers ${states.join(', ')}` },
  );
}
