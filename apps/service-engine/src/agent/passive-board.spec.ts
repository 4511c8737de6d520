import { describe, expect, it } from '@jest/globals';
import { leastShare } from '@spillway/balancing';
import { memberKey } from '@spillway/health';
import type { Pool, Snapshot } from '@spillway/snapshot';
import {
  HEALTH,
  layoutOf,
  Mapping,
  SERVER,
  SERVER_STATE_F64,
  SERVER_STATE_I32,
  throttleShare,
} from '@spillway/telemetry';
import { PassiveBoard } from './passive-board.js';
import type { Throttle } from './passive-pool.js';
import { SlotTable } from './slot-table.js';

const ROUND = 100;

function pool(uuid: string, servers: number, more: Partial<Pool> = {}): Pool {
  return {
    uuid,
    name: uuid,
    enabled: true,
    algorithm: 'least_connections',
    health_monitor_uuids: [],
    min_servers_up: 1,
    graceful_disable_timeout: 0,
    connect_timeout: 2000,
    max_idle_connections: 64,
    servers: Array.from({ length: servers }, (_, i) => ({
      address: `10.0.${i >> 8}.${i & 255}`,
      port: 80,
      hostname: '',
      state: 'enabled' as const,
      ratio: 1,
    })),
    ...more,
  };
}

/** An SE's mapping with the servers of these pools, all up; time goes on by rounds. */
class World {
  readonly mapping: Mapping;
  readonly slots = new SlotTable(64, 'servers');
  readonly told: Throttle[] = [];
  now = 1000;
  board: PassiveBoard;

  constructor(...pools: Pool[]) {
    const size = { workers: 2, virtualServices: 1, servers: 64 };
    this.mapping = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
    this.board = this.boards();
    this.configure(...pools);
  }

  /** Another agent over the same mapping. */
  boards(): PassiveBoard {
    return new PassiveBoard(this.mapping, this.slots, (changed) => this.told.push(...changed), this.now);
  }

  configure(...pools: Pool[]): void {
    const keys = new Set(pools.flatMap((p) => p.servers.map((s) => memberKey(p.uuid, s))));
    for (const slot of this.slots.assign(keys, 1)) {
      this.mapping.clearServer(slot);
      this.mapping.setHealth(slot, HEALTH.UP);
    }
    this.mapping.setUsed(1, this.slots.used);
    this.board.configure({ pools } as unknown as Snapshot);
  }

  slot(p: Pool, place: number): number {
    return this.slots.get(memberKey(p.uuid, p.servers[place]!))!;
  }

  count(worker: number, slot: number, outcomes: number, errors: number, clientErrors = 0): void {
    const block = this.mapping.worker(worker);
    block.u32[block.serverMark(slot)]!++;
    block.f64[block.server(slot) + SERVER.OUTCOMES]! += outcomes;
    block.f64[block.server(slot) + SERVER.ERRORS]! += errors;
    block.f64[block.server(slot) + SERVER.ERRORS_4XX]! += clientErrors;
  }

  tick(): void {
    this.now += ROUND;
    this.board.tick(this.now, 1_700_000_000_000 + this.now);
  }

  shares(p: Pool): number[] {
    return p.servers.map((_, i) =>
      throttleShare(this.mapping.i32[this.mapping.stateI32(this.slot(p, i)) + SERVER_STATE_I32.THROTTLE]!),
    );
  }
}

/** Both workers get good answers from all servers of the pool but `bad`. */
function round(w: World, p: Pool, bad: number, n = 20): void {
  p.servers.forEach((_, i) => {
    for (const worker of [0, 1]) w.count(worker, w.slot(p, i), n, i === bad ? n : 0);
  });
  w.tick();
}

describe('the passive board', () => {
  it('holds a bad server back for all workers, says so once, and gives its share back', () => {
    const p = pool('p', 4);
    const w = new World(p);
    const epoch = w.mapping.healthEpoch;
    round(w, p, -1);
    expect(w.mapping.healthEpoch).toBe(epoch);
    round(w, p, 2, 100);
    expect(w.shares(p)).toEqual([1, 1, leastShare(4), 1]);
    expect(w.mapping.healthEpoch).toBe(epoch + 1);
    const since = 1_700_000_000_000 + w.now;
    for (let i = 0; i < 30; i++) round(w, p, 2);
    expect(w.told).toEqual([
      { poolUuid: 'p', server: '10.0.0.2:80', share: leastShare(4), since, errorRatio: 1 },
    ]);
    expect(w.board.throttles()).toHaveLength(1);
    for (let i = 0; i < 100; i++) round(w, p, -1);
    expect(w.shares(p)).toEqual([1, 1, 1, 1]);
    expect(w.told.at(-1)).toMatchObject({ server: '10.0.0.2:80', share: 1, since: 0 });
    expect(w.told.length).toBeLessThan(12);
    expect(w.board.throttles()).toEqual([]);
  });

  it('makes the workers look again only for changes that matter', () => {
    const p = pool('p', 4);
    const w = new World(p);
    const partly = (): void => {
      for (let i = 0; i < 4; i++) w.count(0, w.slot(p, i), 50, i === 0 ? 15 : 0);
      w.tick();
    };
    for (let i = 0; i < 50; i++) partly();
    const [share] = w.shares(p);
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.75);
    const epoch = w.mapping.healthEpoch;
    for (let i = 0; i < 50; i++) partly();
    expect(w.mapping.healthEpoch).toBe(epoch);
    expect(w.shares(p)).toEqual([share, 1, 1, 1]);
  });

  it('watches no pool with one server left, none that is told not to, and none that is disabled', () => {
    const [off, lone, two, disabled] = [
      pool('off', 3, { passive_monitor: false }),
      pool('lone', 1),
      pool('two', 2),
      pool('disabled', 2, { enabled: false }),
    ];
    const w = new World(off, lone, two, disabled);
    w.mapping.setHealth(w.slot(two, 1), HEALTH.DOWN);
    for (const p of [off, lone, two, disabled]) for (let i = 0; i < 10; i++) round(w, p, 0, 100);
    for (const p of [off, lone, two, disabled]) expect(w.shares(p).every((s) => s === 1)).toBe(true);
  });

  it('goes on where an agent that died left off, from what is counted by then', () => {
    const p = pool('p', 4);
    const w = new World(p);
    round(w, p, 1, 200);
    round(w, p, 1, 200);
    const since = w.mapping.f64[w.mapping.stateF64(w.slot(p, 1)) + SERVER_STATE_F64.THROTTLED_AT];
    w.board = w.boards();
    w.configure(p);
    expect(w.shares(p)).toEqual([1, leastShare(4), 1, 1]);
    for (let i = 0; i < 10; i++) round(w, p, 1);
    expect(w.shares(p)).toEqual([1, leastShare(4), 1, 1]);
    expect(w.board.throttles()[0]?.since).toBe(since);
    // Nothing that an earlier agent had judged is judged again.
    w.board = w.boards();
    w.configure(p);
    for (let i = 0; i < 100; i++) round(w, p, -1);
    expect(w.shares(p)).toEqual([1, 1, 1, 1]);
  });

  it('keeps what it knows through changes of the pool, and lets go when it is told not to watch', () => {
    const p = pool('p', 5);
    const w = new World(p);
    round(w, p, 0, 100);
    const less = { ...p, servers: p.servers.toSpliced(3, 1).toReversed() };
    w.configure(less);
    expect(w.shares(less)).toEqual([1, 1, 1, leastShare(5)]);
    round(w, less, 3, 20);
    expect(w.shares(less)[3]).toBe(leastShare(4));
    const off = { ...less, passive_monitor: false };
    const epoch = w.mapping.healthEpoch;
    w.configure(off);
    expect(w.shares(off)).toEqual([1, 1, 1, 1]);
    expect(w.mapping.healthEpoch).toBe(epoch + 1);
    expect(w.board.throttles()).toEqual([]);
  });

  it('takes no harm from the death of a worker', () => {
    const p = pool('p', 4);
    const w = new World(p);
    for (let i = 0; i < 5; i++) round(w, p, -1, 1000);
    w.mapping.retireWorker(0);
    w.tick();
    for (let i = 0; i < 5; i++) round(w, p, -1, 10);
    expect(w.shares(p)).toEqual([1, 1, 1, 1]);
    round(w, p, 3, 200);
    w.mapping.retireWorker(1);
    w.tick();
    expect(w.shares(p)[3]).toBe(leastShare(4));
  });

  it('leaves 4xx alone where servers are chosen by who asks or for what', () => {
    const [any, keyed] = [pool('any', 4), pool('keyed', 4, { algorithm: 'consistent_hash' })];
    const w = new World(any, keyed);
    for (let i = 0; i < 5; i++) {
      for (const p of [any, keyed])
        for (let place = 0; place < 4; place++)
          w.count(0, w.slot(p, place), 100, place === 0 ? 90 : 0, place === 0 ? 90 : 0);
      w.tick();
    }
    expect(w.shares(any)[0]).toBe(leastShare(4));
    expect(w.shares(keyed)).toEqual([1, 1, 1, 1]);
    for (let i = 0; i < 5; i++) round(w, keyed, 1, 100);
    expect(w.shares(keyed)[1]).toBe(leastShare(4));
  });
});
