import { rampShare } from '@spillway/balancing';
import { hostPort, memberKey } from '@spillway/health';
import type { Pool, Snapshot } from '@spillway/snapshot';
import { HEALTH, SERVER_STATE_F64, type Mapping } from '@spillway/telemetry';
import type { SlotTable } from './slot-table.js';

/** A server that ramps up. */
export interface Ramping {
  poolUuid: string;
  /** `address:port`. */
  server: string;
  /** Of its full share, above 0 and below 1. */
  share: number;
  /** Milliseconds since the epoch of Unix time. */
  fullAt: number;
}

/** What the external monitor of a server has told of its tasks. */
export interface ToldTasks {
  poolUuid: string;
  /** `address:port`. */
  server: string;
  told: number;
  /** Milliseconds since the epoch of Unix time. */
  toldAt: number;
  /** With the requests since. */
  tasks: number;
}

/** What the algorithms of an SE go by, beside its counts: for people. */
export class ServerStanding {
  /**
   * @param now monotonic milliseconds on the clock of all processes of the machine
   * @param wall milliseconds since the epoch of Unix time
   */
  constructor(
    private readonly mapping: Mapping,
    private readonly servers: Pick<SlotTable, 'get'>,
    private readonly now: () => number,
    private readonly wall: () => number = Date.now,
  ) {}

  ramping({ pools }: Snapshot): Ramping[] {
    const [now, wall] = [this.now(), this.wall()];
    const found: Ramping[] = [];
    for (const pool of pools) {
      const ramp = pool.connection_ramp;
      if (ramp === undefined) continue;
      for (const [server, slot] of this.up(pool)) {
        const admitted = this.state(slot, SERVER_STATE_F64.ADMITTED_AT);
        const share = admitted === 0 ? 1 : rampShare(now - admitted, ramp);
        if (share === 1) continue;
        const left = (1 - share) * ramp.duration;
        found.push({ poolUuid: pool.uuid, server, share, fullAt: Math.round(wall + left) });
      }
    }
    return found;
  }

  tasks({ pools }: Snapshot): ToldTasks[] {
    const [now, wall] = [this.now(), this.wall()];
    const found: ToldTasks[] = [];
    for (const pool of pools) {
      if (pool.algorithm !== 'fewest_tasks') continue;
      for (const [server, slot] of this.up(pool)) {
        const at = this.state(slot, SERVER_STATE_F64.TASKS_AT);
        if (at === 0) continue;
        const tasks = this.state(slot, SERVER_STATE_F64.TASKS_FROM) + this.mapping.requestsOf(slot);
        const told = this.state(slot, SERVER_STATE_F64.TASKS);
        found.push({ poolUuid: pool.uuid, server, told, toldAt: Math.round(wall - (now - at)), tasks });
      }
    }
    return found;
  }

  private *up(pool: Pool): Iterable<[server: string, slot: number]> {
    for (const server of pool.servers) {
      const slot = server.state === 'enabled' ? this.servers.get(memberKey(pool.uuid, server)) : undefined;
      if (slot !== undefined && this.mapping.health[slot] === HEALTH.UP)
        yield [hostPort(server.address, server.port), slot];
    }
  }

  private state(slot: number, which: number): number {
    return this.mapping.f64[this.mapping.stateF64(slot) + which]!;
  }
}
