import { describe, expect, it } from '@jest/globals';
import type { Snapshot } from '@spillway/snapshot';
import { HEALTH, layoutOf, Mapping, SERVER, SERVER_STATE_F64 } from '@spillway/telemetry';
import { ServerStanding } from './server-standing.js';

const servers = [1, 2, 3].map((n) => ({ address: `10.0.0.${n}`, port: 80, state: 'enabled' }));
const pool = {
  uuid: 'pool-1',
  algorithm: 'fewest_tasks',
  connection_ramp: { duration: 4000, units: 4 },
  servers: [...servers, { address: 'fd00::1', port: 81, state: 'draining' }],
};
const snapshot = (more: object = {}): Snapshot => ({ pools: [{ ...pool, ...more }] }) as unknown as Snapshot;

function setUp() {
  const size = { workers: 1, virtualServices: 1, servers: 4 };
  const mapping = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
  const keys = ['pool-1/10.0.0.1:80', 'pool-1/10.0.0.2:80', 'pool-1/10.0.0.3:80', 'pool-1/[fd00::1]:81'];
  keys.forEach((_, slot) => mapping.setHealth(slot, HEALTH.UP));
  const get = (key: string): number | undefined => (keys.includes(key) ? keys.indexOf(key) : undefined);
  const standing = new ServerStanding(
    mapping,
    { get },
    () => 10_000,
    () => 1_000_000,
  );
  const set = (slot: number, which: number, value: number): void => {
    mapping.f64[mapping.stateF64(slot) + which] = value;
  };
  return { mapping, standing, set };
}

describe('what the algorithms go by', () => {
  it('is the ramp of servers that joined of late and are up', () => {
    const { mapping, standing, set } = setUp();
    for (const slot of [0, 1, 3]) set(slot, SERVER_STATE_F64.ADMITTED_AT, 9_000);
    set(2, SERVER_STATE_F64.ADMITTED_AT, 1_000);
    mapping.setHealth(1, HEALTH.DOWN);
    expect(standing.ramping(snapshot())).toEqual([
      { poolUuid: 'pool-1', server: '10.0.0.1:80', share: 0.375, fullAt: 1_002_500 },
    ]);
    expect(standing.ramping(snapshot({ connection_ramp: undefined }))).toEqual([]);
  });

  it('is what monitors have told of tasks, and the requests since', () => {
    const { mapping, standing, set } = setUp();
    mapping.f64[mapping.worker(0).server(0) + SERVER.REQUESTS] = 107;
    set(0, SERVER_STATE_F64.TASKS, 30);
    set(0, SERVER_STATE_F64.TASKS_FROM, 30 - 100);
    set(0, SERVER_STATE_F64.TASKS_AT, 8_000);
    expect(standing.tasks(snapshot())).toEqual([
      { poolUuid: 'pool-1', server: '10.0.0.1:80', told: 30, toldAt: 998_000, tasks: 37 },
    ]);
    expect(standing.tasks(snapshot({ algorithm: 'round_robin' }))).toEqual([]);
  });
});
