import { describe, expect, it } from '@jest/globals';
import type { ServerRuntime } from '../core/server.js';
import { CallCount, Calls, MOST_CALLS, MOST_CALLS_IN_ALL } from './calls.js';

const TIMEOUT = 32_000;
const server = (key: string, isDown = false, state = 'enabled'): ServerRuntime =>
  ({ key, isDown, state }) as unknown as ServerRuntime;
const [a, b] = [server('a'), server('b')];

function world(): { all: CallCount; evicted: () => number; calls: () => Calls } {
  const all = new CallCount();
  let n = 0;
  return { all, evicted: () => n, calls: () => new Calls(TIMEOUT, () => n++, all) };
}

describe('the calls of a client', () => {
  it('stay with their server while messages come, and are forgotten after the time-out', () => {
    const { calls: make, all, evicted } = world();
    const calls = make();
    calls.set(1, a, 0);
    calls.set(2, b, 0);
    expect([calls.find(1, TIMEOUT - 1), calls.find(2, TIMEOUT), calls.find(3, 0)]).toEqual([a, null, null]);
    expect(calls.find(1, 2 * TIMEOUT - 2)).toBe(a);
    expect([calls.size, all.size]).toEqual([1, 1]);
    calls.set(4, b, 4 * TIMEOUT);
    expect([calls.size, evicted()]).toEqual([1, 0]);
    calls.close();
    expect([calls.size, all.size]).toEqual([0, 0]);
  });

  it('leave a server that is down or taken out', () => {
    const calls = world().calls();
    calls.set(1, server('a', true), 0);
    calls.set(2, server('a', false, 'disabled'), 0);
    expect([calls.find(1, 1), calls.find(2, 1)]).toEqual([null, null]);
  });

  it('give way one by one where there are too many, the quietest first, and are counted', () => {
    const { calls: make, all, evicted } = world();
    const calls = make();
    for (let i = 0; i < MOST_CALLS; i++) calls.set(i, a, i);
    expect(calls.find(0, MOST_CALLS)).toBe(a);
    calls.set(MOST_CALLS, b, MOST_CALLS);
    expect([calls.size, all.size, evicted()]).toEqual([MOST_CALLS, MOST_CALLS, 1]);
    expect([calls.find(0, MOST_CALLS), calls.find(1, MOST_CALLS)]).toEqual([a, null]);
  });

  it('of all clients together are bounded, and a client with few keeps them', () => {
    const { calls: make, all, evicted } = world();
    const greedy = Array.from({ length: MOST_CALLS_IN_ALL / MOST_CALLS }, make);
    for (const calls of greedy) for (let i = 0; i < MOST_CALLS; i++) calls.set(i, a, 0);
    expect([all.size, evicted()]).toEqual([MOST_CALLS_IN_ALL, 0]);
    const modest = make();
    for (let i = 0; i < 10; i++) modest.set(i, b, 1);
    expect([modest.size, evicted()]).toEqual([10, 0]);
    greedy[0]!.set(MOST_CALLS, a, 1);
    expect(all.size).toBe(MOST_CALLS_IN_ALL);
    expect(greedy[0]!.size).toBe(MOST_CALLS - 10);
    expect(evicted()).toBe(11);
    for (const calls of [...greedy, modest]) calls.close();
    expect(all.size).toBe(0);
  });
});
