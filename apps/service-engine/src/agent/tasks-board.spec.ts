import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Snapshot } from '@spillway/snapshot';
import { layoutOf, Mapping, SERVER, SERVER_STATE_F64 } from '@spillway/telemetry';
import type { SlotTable } from './slot-table.js';
import { TasksBoard } from './tasks-board.js';

const KEY = 'pool-1/10.0.0.1:80';
const SLOT = 2;

function setUp() {
  jest.useFakeTimers();
  const size = { workers: 2, virtualServices: 1, servers: 4 };
  const mapping = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
  const time = { now: 50_000 };
  const board = new TasksBoard(
    mapping,
    { get: (key: string) => (key === KEY ? SLOT : undefined) } as unknown as SlotTable,
    () => time.now,
  );
  const pool = { uuid: 'pool-1', algorithm: 'fewest_tasks', tasks_feedback_delay: 10_000 };
  board.configure({ pools: [pool] } as unknown as Snapshot);
  const state = (which: number): number => mapping.f64[mapping.stateF64(SLOT) + which]!;
  const request = (worker: number, count: number): void => {
    mapping.f64[mapping.worker(worker).server(SLOT) + SERVER.REQUESTS]! += count;
  };
  /** As workers see it. */
  const tasks = (): number => state(SERVER_STATE_F64.TASKS_FROM) + mapping.requestsOf(SLOT);
  return { mapping, time, board, state, request, tasks };
}

afterEach(() => {
  jest.useRealTimers();
});

describe('what monitors tell of tasks', () => {
  it('counts from the moment that it is told, over all workers', () => {
    const { board, request, tasks, state, time } = setUp();
    request(0, 1000);
    request(1, 234);
    board.told(KEY, 100);
    expect(tasks()).toBe(100);
    expect(state(SERVER_STATE_F64.TASKS)).toBe(100);
    expect(state(SERVER_STATE_F64.TASKS_AT)).toBe(time.now);
    request(0, 3);
    request(1, 4);
    expect(tasks()).toBe(107);
  });

  it('outlives a worker', () => {
    const { board, request, tasks, mapping } = setUp();
    board.told(KEY, 10);
    mapping.setUsed(1, 4);
    mapping.u32[mapping.worker(1).serverMark(SLOT)] = 1;
    request(1, 5);
    mapping.retireWorker(1);
    expect(tasks()).toBe(15);
  });

  it('is taken over once per delay, with room for the jitter of checks', () => {
    const { board, time, tasks } = setUp();
    board.told(KEY, 10);
    time.now += 5_000;
    board.told(KEY, 20);
    expect(tasks()).toBe(10);
    time.now += 4_000;
    board.told(KEY, 30);
    expect(tasks()).toBe(30);
  });

  it('is made known to the workers, that of many servers together', () => {
    const { board, mapping, time } = setUp();
    const before = mapping.healthEpoch;
    board.told(KEY, 10);
    time.now += 10_000;
    board.told(KEY, 11);
    expect(mapping.healthEpoch).toBe(before);
    jest.runAllTimers();
    expect(mapping.healthEpoch).toBe(before + 1);
  });

  it('of other pools, and of servers that are gone, is nothing', () => {
    const { board, state, mapping } = setUp();
    board.told('pool-2/10.0.0.1:80', 10);
    board.told('pool-1/10.0.0.9:80', 10);
    board.configure({ pools: [] } as unknown as Snapshot);
    board.told(KEY, 10);
    jest.runAllTimers();
    expect(state(SERVER_STATE_F64.TASKS_AT)).toBe(0);
    expect(mapping.healthEpoch).toBe(0);
    board.close();
  });
});
