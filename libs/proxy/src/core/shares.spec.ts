import { describe, expect, it } from '@jest/globals';
import type { ServerTable } from '@spillway/balancing';
import { layoutOf, Mapping, SERVER_STATE_F64, SERVER_STATE_I32, throttleWord } from '@spillway/telemetry';
import { Clock } from './clock.js';
import type { PlaneContext } from './context.js';
import { Shares } from './shares.js';

const RAMP = { duration: 4000, units: 4 };

function world(count: number, ramp: typeof RAMP | null = RAMP) {
  const size = { workers: 1, virtualServices: 1, servers: count };
  const mapping = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
  const time = { now: 10_000 };
  const now = (): number => time.now;
  const clock = new Clock(now);
  const slots = Int32Array.from({ length: count }, (_, i) => count - 1 - i);
  const table: ServerTable = {
    count,
    identities: new Uint32Array(count),
    slots,
    ratios: new Uint8Array(count).fill(1),
    eligible: new Uint8Array(count).fill(1),
    shares: new Float64Array(count),
    reduced: false,
  };
  let again = 0;
  const shares = new Shares(
    { mapping, clock, transport: { now } } as unknown as PlaneContext,
    ramp ?? undefined,
    slots,
    () => again++,
  );
  return {
    table,
    shares,
    clock,
    time,
    admit: (place: number, at: number) =>
      (mapping.f64[mapping.stateF64(slots[place]!) + SERVER_STATE_F64.ADMITTED_AT] = at),
    throttle: (place: number, share: number) =>
      (mapping.i32[mapping.stateI32(slots[place]!) + SERVER_STATE_I32.THROTTLE] = throttleWord(share)),
    calls: () => again,
  };
}

describe('the shares of a pool', () => {
  it('are full for servers that were there all along, and 0 for those that may not be used', () => {
    const w = world(3);
    w.table.eligible[1] = 0;
    expect(w.shares.fill(w.table)).toBe(true);
    expect([...w.table.shares]).toEqual([1, 0, 1]);
    expect(w.table.reduced).toBe(false);
    expect(w.shares.fill(w.table)).toBe(false);
  });

  it('grow for a server that has joined, which is said again until it is full', () => {
    const w = world(3);
    w.admit(2, w.time.now);
    w.shares.fill(w.table);
    expect([...w.table.shares]).toEqual([1, 1, 1 / 8]);
    expect(w.table.reduced).toBe(true);
    w.time.now += 1000;
    w.clock.run();
    expect(w.calls()).toBe(1);
    w.shares.fill(w.table);
    expect(w.table.shares[2]).toBeCloseTo(3 / 8, 9);
    w.time.now += 3000;
    w.clock.run();
    expect(w.calls()).toBe(2);
    expect(w.shares.fill(w.table)).toBe(true);
    expect([...w.table.shares]).toEqual([1, 1, 1]);
    expect(w.table.reduced).toBe(false);
    w.time.now += 1000;
    w.clock.run();
    expect(w.calls()).toBe(2);
  });

  it('are relative: a server alone, and all that came at once, are not held back', () => {
    const w = world(3);
    for (const place of [0, 1, 2]) w.admit(place, w.time.now - 500);
    w.shares.fill(w.table);
    expect([...w.table.shares]).toEqual([1, 1, 1]);
    w.admit(1, w.time.now);
    w.shares.fill(w.table);
    expect(w.table.shares[0]).toBe(1);
    expect(w.table.shares[1]).toBeCloseTo(0.125 / 0.25, 9);
    w.table.eligible.set([0, 1, 0]);
    w.shares.fill(w.table);
    expect([...w.table.shares]).toEqual([0, 1, 0]);
    expect(w.table.reduced).toBe(false);
  });

  it('do not look at the time without a ramp', () => {
    const w = world(2, null);
    w.admit(0, w.time.now);
    w.shares.fill(w.table);
    expect([...w.table.shares]).toEqual([1, 1]);
    w.time.now += 1000;
    w.clock.run();
    expect(w.calls()).toBe(0);
  });

  it('are what the passive monitor leaves of them, times the ramp', () => {
    const w = world(3);
    w.throttle(1, 0.25);
    w.admit(2, w.time.now - 1500);
    w.throttle(2, 0.5);
    expect(w.shares.fill(w.table)).toBe(true);
    expect([...w.table.shares]).toEqual([1, 0.25, 0.25]);
    expect(w.table.reduced).toBe(true);
    w.throttle(1, 1);
    expect(w.shares.fill(w.table)).toBe(true);
    expect(w.table.shares[1]).toBe(1);
  });

  it('wait for nothing any more once the pool is gone', () => {
    const w = world(2);
    w.admit(0, w.time.now);
    w.shares.fill(w.table);
    w.shares.close();
    w.time.now += 1000;
    w.clock.run();
    expect(w.calls()).toBe(0);
  });
});
