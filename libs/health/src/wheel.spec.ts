import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TICK, Timed, Wheel } from './wheel.js';

/** A clock with one alarm, as the wheel wants it. */
class Clock {
  now = 12_345.5;
  private alarm: { at: number; call: () => void } | undefined;
  readonly after = (milliseconds: number, call: () => void): (() => void) => {
    const alarm = { at: this.now + milliseconds, call };
    expect(this.alarm).toBeUndefined();
    this.alarm = alarm;
    return () => {
      if (this.alarm === alarm) this.alarm = undefined;
    };
  };
  get sleeping(): boolean {
    return this.alarm !== undefined;
  }
  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.alarm !== undefined && this.alarm.at <= end) {
      const { at, call } = this.alarm;
      this.alarm = undefined;
      this.now = Math.max(this.now, at);
      call();
    }
    this.now = end;
  }
}

class Alarm extends Timed {
  at: number | null = null;
  times = 0;
  also: (() => void) | undefined;
  constructor(private readonly clock: Clock) {
    super();
  }
  expired(): void {
    this.at = this.clock.now;
    this.times++;
    this.also?.();
  }
}

const setUp = (): { clock: Clock; wheel: Wheel } => {
  const clock = new Clock();
  return { clock, wheel: new Wheel(() => clock.now, clock.after) };
};

describe('a wheel of times', () => {
  it('is never early, at most a tick late, and tells each once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: 0, max: 40_000, noNaN: true }), fc.boolean()), { maxLength: 60 }),
        (wanted) => {
          const { clock, wheel } = setUp();
          const start = clock.now;
          const alarms = wanted.map(([delay, cleared]) => ({ delay, cleared, alarm: new Alarm(clock) }));
          for (const { alarm, delay } of alarms) wheel.set(alarm, delay);
          for (const { alarm, cleared } of alarms) if (cleared) wheel.clear(alarm);
          expect(wheel.size).toBe(alarms.filter((a) => !a.cleared).length);
          clock.advance(50_000);
          for (const { alarm, delay, cleared } of alarms) {
            expect(alarm.times).toBe(cleared ? 0 : 1);
            if (cleared) continue;
            expect(alarm.at! - start).toBeGreaterThanOrEqual(delay - 1e-6);
            expect(alarm.at! - start).toBeLessThan(delay + 2 * TICK);
          }
          expect(wheel.size).toBe(0);
          expect(clock.sleeping).toBe(false);
        },
      ),
    );
  });

  it('bears that others are set and cleared while it turns', () => {
    const { clock, wheel } = setUp();
    const [a, b, c, d] = [new Alarm(clock), new Alarm(clock), new Alarm(clock), new Alarm(clock)];
    for (const alarm of [a, b, c]) wheel.set(alarm, 100);
    a.also = () => {
      wheel.clear(b);
      wheel.set(d, 0);
      if (a.times < 3) wheel.set(a, 10);
    };
    clock.advance(1000);
    expect([a.times, b.times, c.times, d.times]).toEqual([3, 0, 1, 3]);
  });

  it('catches up after a long sleep', () => {
    const { clock, wheel } = setUp();
    const alarms = [5, 50, 5000, 60_000].map((delay) => {
      const alarm = new Alarm(clock);
      wheel.set(alarm, delay);
      return alarm;
    });
    clock.now += 100_000; // nobody could run meanwhile
    clock.advance(1);
    expect(alarms.map((a) => a.times)).toEqual([1, 1, 1, 1]);
  });

  it('waits for the newer time only when it is set again', () => {
    const { clock, wheel } = setUp();
    const alarm = new Alarm(clock);
    wheel.set(alarm, 50);
    wheel.set(alarm, 500);
    clock.advance(400);
    expect(alarm.times).toBe(0);
    clock.advance(200);
    expect(alarm.times).toBe(1);
  });
});
