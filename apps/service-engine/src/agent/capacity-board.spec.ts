import { describe, expect, it } from '@jest/globals';
import { LATENCY_WORD } from '@spillway/balancing';
import { memberKey } from '@spillway/health';
import type { Pool, Snapshot } from '@spillway/snapshot';
import { HEALTH, layoutOf, Mapping, SERVER_STATE_I32 } from '@spillway/telemetry';
import { CapacityBoard } from './capacity-board.js';
import { SlotTable } from './slot-table.js';

const pool = (servers: number, more: Partial<Pool> = {}): Pool => ({
  uuid: 'p',
  name: 'p',
  enabled: true,
  algorithm: 'fewest_servers',
  health_monitor_uuids: [],
  min_servers_up: 1,
  graceful_disable_timeout: 0,
  connect_timeout: 2000,
  max_idle_connections: 64,
  servers: Array.from({ length: servers }, (_, i) => ({
    address: `10.0.0.${i + 1}`,
    port: 80,
    hostname: '',
    state: 'enabled' as const,
    ratio: 1,
  })),
  ...more,
});

/** An SE's mapping with the servers of a pool, all up. */
function worldOf(p: Pool) {
  const size = { workers: 2, virtualServices: 1, servers: 16 };
  const mapping = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
  const slots = new SlotTable(16, 'servers');
  for (const slot of slots.assign(new Set(p.servers.map((s) => memberKey(p.uuid, s))), 1))
    mapping.setHealth(slot, HEALTH.UP);
  const board = new CapacityBoard(mapping, slots);
  board.configure({ pools: [p], placements: [] } as unknown as Snapshot);
  const slot = (i: number): number => slots.get(memberKey(p.uuid, p.servers[i]!))!;
  return {
    mapping,
    board,
    slot,
    active(i: number, worker: number, n: number) {
      mapping.active[mapping.worker(worker).activeCell(slot(i))] = n;
    },
    capacity(i: number, requests: number) {
      mapping.i32[mapping.stateI32(slot(i)) + SERVER_STATE_I32.LATENCY + LATENCY_WORD.CAPACITY] =
        ((requests * 64) << 1) | 1;
    },
    needed: (now: number): string[] =>
      board.capacities(now)[0]!.servers.flatMap((s) => (s.needed ? [s.server] : [])),
  };
}

describe('the capacity board', () => {
  it('tells of the servers that the load of both workers needs, at once, and releases them after a while', () => {
    const w = worldOf(pool(4));
    for (const i of [0, 1, 2]) w.capacity(i, 10);
    w.active(0, 0, 4);
    w.active(0, 1, 4);
    w.board.tick(1000);
    expect(w.needed(1000)).toEqual(['10.0.0.1:80']);
    w.active(0, 1, 6);
    w.active(1, 0, 6);
    w.board.tick(1100);
    expect(w.needed(1100)).toEqual(['10.0.0.1:80', '10.0.0.2:80']);
    w.active(0, 1, 0);
    w.active(1, 0, 0);
    for (let now = 1200; now < 12_000; now += 100) w.board.tick(now);
    expect(w.needed(12_000)).toHaveLength(2);
    for (let now = 12_000; now < 20_000; now += 100) w.board.tick(now);
    expect(w.needed(20_000)).toEqual(['10.0.0.1:80']);
    expect(w.board.capacities(20_000)).toEqual([
      {
        poolUuid: 'p',
        fewestServers: true,
        demand: 4,
        servers: [0, 1, 2].map((i) => ({
          server: `10.0.0.${i + 1}:80`,
          capacity: 10,
          found: true,
          needed: i === 0,
        })),
      },
    ]);
  });

  it('counts on no server that is down or disabled', () => {
    const p = pool(3);
    const w = worldOf({
      ...p,
      servers: p.servers.map((s, i) => (i === 1 ? { ...s, state: 'disabled' as const } : s)),
    });
    w.mapping.setHealth(w.slot(0), HEALTH.DOWN);
    w.board.tick(0);
    expect(w.needed(0)).toEqual(['10.0.0.3:80']);
  });

  it('knows that a server takes no more than its limit allows this SE', () => {
    const p = pool(3, { max_connections: 9 });
    const w = worldOf(p);
    w.active(0, 0, 4);
    w.active(1, 0, 2);
    w.capacity(0, 20);
    const placements = [{ pool_shares: [{ pool_uuid: 'p', sharers: 2, place: 1 }] }];
    w.board.configure({ pools: [p], placements } as unknown as Snapshot);
    w.board.tick(0);
    expect(w.board.capacities(0)[0]!.servers[0]).toMatchObject({ capacity: 4, needed: true });
    expect(w.needed(0)).toEqual(['10.0.0.1:80', '10.0.0.2:80']);
  });

  it('watches only pools whose capacity is estimated, and knows the load through changes of the pool', () => {
    const other = worldOf(pool(2, { algorithm: 'round_robin' }));
    expect(other.board.capacities(0)).toEqual([]);
    const asked = worldOf(pool(2, { algorithm: 'round_robin', capacity_estimation: true }));
    expect(asked.board.capacities(0)).toMatchObject([{ fewestServers: false }]);
    const w = worldOf(pool(3));
    w.active(0, 0, 9);
    w.board.tick(500);
    w.active(0, 0, 0);
    w.board.configure({ pools: [pool(3, { min_servers_up: 2 })], placements: [] } as unknown as Snapshot);
    expect(w.board.capacities(600)[0]!.demand).toBe(9);
  });
});
