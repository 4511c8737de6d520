import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FreePlaces } from './free-places.js';
import { shareOf } from './share.js';
import { type Waiter, WaitingList } from './waiting-list.js';

class Somebody implements Waiter {
  waitsIn: WaitingList | null = null;
  newerWaiter: Waiter | null = null;
  olderWaiter: Waiter | null = null;
  waitsSince = 0;
  tryPlace(): boolean {
    return true;
  }
  waitedInVain(): void {}
}

describe('a list of waiters', () => {
  it('keeps their order whoever leaves when', () => {
    const steps = fc.array(fc.oneof(fc.constant(-1), fc.nat(20)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (all) => {
        const list = new WaitingList();
        const model: Somebody[] = [];
        let now = 0;
        for (const step of all) {
          if (step < 0) {
            const one = new Somebody();
            list.push(one, ++now);
            model.push(one);
          } else if (model.length > 0) {
            const [one] = model.splice(step % model.length, 1);
            list.remove(one!);
            expect([one!.waitsIn, one!.newerWaiter, one!.olderWaiter]).toEqual([null, null, null]);
          }
          expect([list.size, list.newest ?? null, list.oldest ?? null]).toEqual([
            model.length,
            model.at(-1) ?? null,
            model[0] ?? null,
          ]);
          const seen: Waiter[] = [];
          for (let w = list.oldest; w !== null; w = w.newerWaiter) seen.push(w);
          expect(seen).toEqual(model);
        }
      }),
    );
  });
});

describe('the share of an SE', () => {
  it('adds up to the limit, is as even as it can be, and is never nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 64 }), (limit, sharers) => {
        const shares = Array.from({ length: sharers }, (_, place) => shareOf(limit, sharers, place));
        expect(shares.reduce((a, b) => a + b)).toBe(Math.max(limit, sharers));
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        expect(Math.min(...shares)).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});

const byNumber = (a: number, b: number): number => a - b;

describe('what is known of free places', () => {
  const step = fc.record({
    place: fc.nat(99),
    do: fc.constantFrom('full' as const, 'free' as const, 'up' as const, 'down' as const),
  });

  it('finds a server that is up and not full exactly when there is one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step, { maxLength: 300 }), (count, steps) => {
        const free = new FreePlaces(count);
        const full = new Set<number>();
        const up = new Set<number>();
        for (const s of steps) {
          const place = s.place % count;
          if (s.do === 'full' || s.do === 'free') {
            free.setFull(place, s.do === 'full');
            if (s.do === 'full') full.add(place);
            else full.delete(place);
          } else {
            if (s.do === 'up') up.add(place);
            else up.delete(place);
            expect(free.eligible(place, s.do === 'up' ? 1 : 0)).toBe(
              up.has(place) && !full.has(place) ? 1 : 0,
            );
          }
          const candidates = [...up].filter((p) => !full.has(p)).sort(byNumber);
          const found = Array.from({ length: candidates.length }, (_, n) => free.any(n)).sort(byNumber);
          expect(found).toEqual(candidates);
          if (candidates.length === 0) expect(free.any(7)).toBe(-1);
        }
      }),
    );
  });
});
