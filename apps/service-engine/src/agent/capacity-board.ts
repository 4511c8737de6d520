import { capacityFound, capacityIn, Demand, isEstimated, neededServers } from '@spillway/balancing';
import { hostPort, memberKey } from '@spillway/health';
import { shareOf } from '@spillway/proxy';
import type { Pool, Server, Snapshot } from '@spillway/snapshot';
import { HEALTH, SERVER_STATE_I32, type Mapping } from '@spillway/telemetry';
import type { SlotTable } from './slot-table.js';

/** What is known of the capacity of a server, and whether the load of late needs it. */
export interface ServerCapacity {
  server: string;
  /** Requests (or L4 connections) at a time. */
  capacity: number;
  /** Its limit has been met: else it takes that many at least. */
  found: boolean;
  needed: boolean;
}

export interface PoolCapacity {
  poolUuid: string;
  /** The pool fills as few servers as will do. */
  fewestServers: boolean;
  /** Most requests at a time of late. */
  demand: number;
  servers: ServerCapacity[];
}

/** Most servers of one pool in a heartbeat. */
const MOST_SERVERS = 1000;

interface Watched {
  readonly pool: Pool;
  /** Connections that a server may have from this SE; Infinity where there is no limit. */
  readonly most: number;
  readonly demand: Demand;
}

/** Watches the pools whose capacity is estimated: which of their servers the load needs. */
export class CapacityBoard {
  #pools = new Map<string, Watched>();

  constructor(
    private readonly mapping: Mapping,
    private readonly slots: SlotTable,
  ) {}

  configure(snapshot: Snapshot): void {
    const before = this.#pools;
    this.#pools = new Map();
    for (const pool of snapshot.pools)
      if (isWatched(pool))
        this.#pools.set(pool.uuid, {
          pool,
          most: mostOf(pool, snapshot),
          demand: before.get(pool.uuid)?.demand ?? new Demand(),
        });
  }

  /** Call it ten times a second. @param now milliseconds of a clock that never goes back */
  tick(now: number): void {
    for (const { pool, demand } of this.#pools.values()) {
      let active = 0;
      for (const server of pool.servers) {
        const slot = this.slots.get(memberKey(pool.uuid, server));
        if (slot !== undefined) active += Math.max(0, this.mapping.activeOf(slot));
      }
      demand.observe(active, now);
    }
  }

  capacities(now: number): PoolCapacity[] {
    return [...this.#pools.values()].map(({ pool, most, demand }) => this.#of(pool, most, demand.peak(now)));
  }

  #of(pool: Pool, most: number, demand: number): PoolCapacity {
    const { words } = this;
    const usable = pool.servers.flatMap((server) => {
      const first = this.#wordsOf(pool, server);
      return first < 0
        ? []
        : [{ server, first, capacity: Math.min(most, capacityIn(words, first) * server.ratio) }];
    });
    const needed = neededServers(
      usable.map((u) => u.capacity),
      demand,
    );
    const servers = usable.flatMap(({ server, first, capacity }, i) =>
      i < needed || isEstimated(words, first)
        ? [
            {
              server: hostPort(server.address, server.port),
              capacity,
              found: capacityFound(words, first),
              needed: i < needed,
            },
          ]
        : [],
    );
    return {
      poolUuid: pool.uuid,
      fewestServers: pool.algorithm === 'fewest_servers',
      demand,
      servers: servers.slice(0, MOST_SERVERS),
    };
  }

  private get words(): Int32Array {
    return this.mapping.i32;
  }

  /** Where the latency words of a server begin that may get traffic; -1 for others. */
  #wordsOf(pool: Pool, server: Server): number {
    const slot = this.slots.get(memberKey(pool.uuid, server));
    if (slot === undefined || server.state !== 'enabled' || this.mapping.health[slot] !== HEALTH.UP)
      return -1;
    return this.mapping.stateI32(slot) + SERVER_STATE_I32.LATENCY;
  }
}

const isWatched = (pool: Pool): boolean =>
  pool.enabled && (pool.algorithm === 'fewest_servers' || pool.capacity_estimation === true);

/** This SE's part of what the pool allows its servers. */
function mostOf({ uuid, max_connections: limit }: Pool, { placements }: Snapshot): number {
  if (limit === undefined) return Infinity;
  const share = placements.flatMap((p) => p.pool_shares ?? []).find((s) => s.pool_uuid === uuid);
  return share === undefined ? limit : shareOf(limit, share.sharers, share.place);
}
