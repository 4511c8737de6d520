import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Clock, Timed, TICK_MS } from './clock.js';

class Probe extends Timed {
  firedAt: number[] = [];
  constructor(private readonly clock: { now: number }) {
    super();
  }
  override onTimeout(): void {
    this.firedAt.push(this.clock.now);
  }
}

describe('clock', () => {
  it('fires once, not early and at most two ticks late (and one more until the clock is run), however often a time-out is moved', () => {
    const step = fc.record({
      which: fc.nat({ max: 3 }),
      action: fc.constantFrom('arm', 'arm', 'arm', 'disarm', 'forget'),
      milliseconds: fc.integer({ min: 1, max: 200_000 }),
      pass: fc.integer({ min: 0, max: 30_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const time = { now: 5000 };
        const clock = new Clock(() => time.now);
        const probes = [0, 1, 2, 3].map(() => new Probe(time));
        const expected: (number | null)[] = [null, null, null, null];
        const pass = (milliseconds: number): void => {
          for (const end = time.now + milliseconds; time.now < end;) {
            time.now = Math.min(end, time.now + TICK_MS);
            clock.run();
            probes.forEach((p, i) => {
              if (p.firedAt.length === 0) return;
              expect(p.firedAt.length).toBe(1);
              expect(expected[i]).not.toBeNull();
              expect(p.firedAt[0]).toBeGreaterThanOrEqual(expected[i]!);
              expect(p.firedAt[0]).toBeLessThanOrEqual(expected[i]! + 3 * TICK_MS);
              p.firedAt = [];
              expected[i] = null;
            });
          }
        };
        for (const s of steps) {
          const probe = probes[s.which]!;
          if (s.action === 'arm') {
            clock.arm(probe, s.milliseconds);
            expected[s.which] = time.now + s.milliseconds;
          } else {
            if (s.action === 'disarm') clock.disarm(probe);
            else clock.forget(probe);
            expected[s.which] = null;
          }
          pass(s.pass);
        }
        pass(210_000);
        expect(expected).toEqual([null, null, null, null]);
      }),
      { numRuns: 50 },
    );
  });

  it('catches up after a long stop', () => {
    const time = { now: 0 };
    const clock = new Clock(() => time.now);
    const [soon, late] = [new Probe(time), new Probe(time)];
    clock.arm(soon, 500);
    clock.arm(late, 10_000_000);
    time.now = 1_000_000;
    clock.run();
    expect([soon.firedAt.length, late.firedAt.length]).toEqual([1, 0]);
    expect(clock.left(late)).toBeGreaterThan(8_900_000);
  });

  it('keeps a promised deadline on a worker that is late', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2_000 }),
        fc.integer({ min: 1, max: 5_000 }),
        (late, milliseconds) => {
          const time = { now: 0 };
          const clock = new Clock(() => time.now);
          const promised = new Probe(time);
          time.now = late; // nothing has turned the wheel since
          clock.armNotEarly(promised, milliseconds);
          for (; promised.firedAt.length === 0; time.now += 10) clock.run();
          expect(promised.firedAt[0]).toBeGreaterThanOrEqual(late + milliseconds);
          expect(promised.firedAt[0]).toBeLessThanOrEqual(late + milliseconds + 3 * TICK_MS);
        },
      ),
    );
  });

  it('one that fires may stop or arm another', () => {
    const time = { now: 0 };
    const clock = new Clock(() => time.now);
    const other = new Probe(time);
    const first = new (class extends Probe {
      override onTimeout(): void {
        super.onTimeout();
        clock.forget(other);
        clock.arm(this, 1000);
      }
    })(time);
    clock.arm(other, 500);
    clock.arm(first, 500);
    for (time.now = 0; time.now < 3000; time.now += TICK_MS) clock.run();
    expect(first.firedAt.length).toBe(3);
    expect(other.firedAt.length).toBeLessThanOrEqual(1);
  });
});
