import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Algorithm } from './contract.js';
import { algorithm, setShares, world } from './testing/world.js';

/** Workers that share what monitors tell and what has been sent since. */
function plane(told: readonly number[], ratios: readonly number[] = told.map(() => 1), workers = 1) {
  const w = world(ratios, workers);
  const tasks = [...told];
  const pickers: Algorithm[] = Array.from({ length: workers }, (_, worker) =>
    algorithm('fewest_tasks', w, { start: worker, worker, tasks: { of: (place) => tasks[place]! } }),
  );
  /** Requests per server of so many, from all workers in turn. */
  const send = (requests: number): number[] => {
    const seen = told.map(() => 0);
    for (let k = 0; k < requests; k++) {
      const picker = pickers[k % workers]!;
      const place = picker.pick(-1, 0);
      seen[place]!++;
      if (tasks[place]! >= 0) tasks[place]!++;
      picker.changed(place);
    }
    return seen;
  };
  const refresh = (): void => pickers.forEach((p) => p.refresh());
  return { w, tasks, send, refresh };
}

describe('fewest tasks', () => {
  it.each([1, 4])('is the arithmetic of the example: 100 and 10 tasks, with %i workers', (workers) => {
    const { send, tasks, refresh } = plane([100, 10], [1, 1], workers);
    expect(send(90)).toEqual([0, 90]);
    expect(send(110)).toEqual([55, 55]);
    tasks.splice(0, 2, 30, 20);
    refresh();
    expect(send(10)).toEqual([0, 10]);
    expect(send(50)).toEqual([25, 25]);
  });

  it('levels what there is, for any number of servers and workers', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 150 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 2000 }),
        (told, workers, requests) => {
          const { send, tasks } = plane(told, undefined, workers);
          const seen = send(requests);
          // Nobody that was given one has more than one above the least.
          const least = Math.min(...tasks);
          seen.forEach((n, i) => {
            if (n > 0)
              expect(tasks[i]!).toBeLessThanOrEqual(least + (told.length > 64 && workers > 1 ? 3 : 1));
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it('counts tasks per ratio', () => {
    const { send } = plane([100, 0], [1, 4]);
    expect(send(390)).toEqual([0, 390]);
    send(10);
    const [one, four] = send(500) as [number, number];
    expect(Math.abs(four / one - 4)).toBeLessThan(0.1);
  });

  it('gives a server of which nothing is known what the others get', () => {
    const { send } = plane([50, 50, -1]);
    for (const n of send(300)) expect(Math.abs(n - 100)).toBeLessThanOrEqual(1);
  });

  it('spreads by turn as long as nothing is known', () => {
    const { send } = plane([-1, -1, -1, -1]);
    for (const n of send(400)) expect(Math.abs(n - 100)).toBeLessThanOrEqual(1);
  });

  it('does not overwhelm a server with a reduced share that has no tasks yet', () => {
    const { w, send, refresh } = plane([1000, 1000, 0]);
    setShares(w, [1, 1, 0.25]);
    refresh();
    const [, , third] = send(90) as [number, number, number];
    expect(third).toBeGreaterThan(5);
    expect(third).toBeLessThanOrEqual((90 * 0.25) / 2.25 + 2);
  });
});
