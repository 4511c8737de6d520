import type { ClientsConfig, DrainNotice } from '../clients/config.js';
import type { ClientsReport } from '../clients/report.js';
import { type SpawnedClients, spawnClients } from '../clients/spawn.js';
import { now } from '../http/connection.js';
import type { World } from './world.js';

/** The sorts of clients that a load consists of; counts and rates are per VIP address. */
export interface LoadOptions {
  keepAlive?: Partial<ClientsConfig> | false;
  fresh?: Partial<ClientsConfig> | false;
  streams?: Partial<ClientsConfig> | false;
  /** Addresses; default all of the VIP. */
  hosts?: string[];
}

/** Reports by group, e.g. `keep-alive 127.1.2.3`. */
export type Reports = Record<string, ClientsReport>;

/** Clients of all sorts on both addresses of the VIP, each sort in a process of its own. */
export class Load {
  private constructor(
    private readonly world: World,
    readonly clients: SpawnedClients[],
  ) {}

  static async start(world: World, options: LoadOptions = {}): Promise<Load> {
    const clients: SpawnedClients[] = [];
    for (const host of options.hosts ?? world.hosts) {
      const target = { host, port: world.port, connectTimeout: 3_000, requestTimeout: 5_000 };
      const page = { request: { path: '/bytes/2000' }, expect: { body: { pattern: 2000 } } };
      const groups: (ClientsConfig | false)[] = [
        options.keepAlive !== false && {
          ...target,
          ...page,
          name: `keep-alive ${host}`,
          sort: 'keep-alive',
          connections: 16,
          rate: 240,
          ...options.keepAlive,
        },
        options.fresh !== false && {
          ...target,
          ...page,
          name: `fresh ${host}`,
          sort: 'new-connection',
          openLoop: true,
          connections: 400,
          rate: 60,
          ...options.fresh,
        },
        options.streams !== false && {
          ...target,
          name: `streams ${host}`,
          sort: 'stream',
          connections: 12,
          ...options.streams,
        },
      ];
      for (const config of groups) {
        if (!config) continue;
        clients.push(await spawnClients(world.scope, config, world.netns ? { netns: world.netns } : {}));
      }
    }
    const load = new Load(world, clients);
    await Promise.all(clients.map((c) => c.start()));
    await load.attribute();
    await load.flowing();
    return load;
  }

  /** Tells the clients which processes are which SE. */
  async attribute(): Promise<void> {
    const roots = await this.world.instance.serviceEngineRoots();
    await Promise.all(this.clients.map((c) => c.setServiceEngines(roots)));
  }

  /** Waits until every group gets new answers, and every stream stands and is attributed. */
  async flowing(within = 10_000): Promise<void> {
    await Promise.all(
      this.clients.map(async (c) => {
        if (c.config.sort === 'stream') {
          await c.until(
            'all streams standing',
            (p) =>
              p.established === c.config.connections &&
              Object.values(p.openPerSe).reduce((a, b) => a + b, 0) === c.config.connections,
            within,
          );
        } else {
          const { ok } = await c.progress();
          await c.until('traffic', (p) => p.ok > ok + 20, within);
        }
      }),
    );
  }

  /** Lets the traffic run until a point in time (ms since the epoch), e.g. to see that failures have ended. */
  async runUntil(time: number): Promise<void> {
    const left = Math.max(0, time - now());
    await Promise.all(
      this.clients.map((c) => c.until('the end of the run', (p) => p.at >= time, left + 10_000)),
    );
  }

  async drain(notice: DrainNotice): Promise<void> {
    await Promise.all(this.clients.map((c) => c.drain(notice)));
  }

  /** Long-lived connections per SE now, over all groups of streams. */
  async streamsPerSe(): Promise<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const c of this.clients.filter(({ config }) => config.sort === 'stream')) {
      for (const [se, n] of Object.entries((await c.progress()).openPerSe)) sums[se] = (sums[se] ?? 0) + n;
    }
    return sums;
  }

  async reports(): Promise<Reports> {
    return Object.fromEntries(
      await Promise.all(this.clients.map(async (c) => [c.config.name, await c.report()] as const)),
    );
  }

  async stop(): Promise<Reports> {
    return Object.fromEntries(
      await Promise.all(this.clients.map(async (c) => [c.config.name, await c.stop()] as const)),
    );
  }
}

/** All summaries, for people. */
export function summaries(reports: Reports): string {
  return Object.values(reports)
    .map((r) => r.summary)
    .join('\n');
}

/**
 * Every group has sent something, the numbers add up, and nothing failed. Where the kernel does not hand over the
 * queue of a closing listener, new connections are not judged.
 * @throws with the summaries of the groups that are not so
 */
export function expectClean(reports: Reports, { migrates } = { migrates: true }): void {
  const wrong = Object.values(reports).filter(
    (r) =>
      r.sent !== r.ok + r.failed + r.cutAfterDeadline + r.inFlight ||
      (r.sort === 'stream' ? r.longLived.messages : r.ok) === 0 ||
      (r.failed > 0 && (migrates || r.sort !== 'new-connection')) ||
      r.connections.unsolicitedData > 0 ||
      r.notSent > 0,
  );
  if (wrong.length > 0) {
    throw new Error(
      `expected traffic, and no failed request:\n${summaries(Object.fromEntries(wrong.map((r) => [r.name, r])))}`,
    );
  }
}
