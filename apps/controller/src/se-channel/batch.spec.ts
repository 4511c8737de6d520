import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { until } from '../testing/until.js';
import { BatchWriter } from './batch.js';

/** A store whose writes can be held and refused. */
class Store {
  readonly rows = new Map<string, number>();
  readonly batches: [string, number][][] = [];
  errors = 0;
  #hold: Promise<void> = Promise.resolve();
  release: () => void = () => undefined;
  failing = 0;

  hold(): void {
    this.#hold = new Promise((resolve) => (this.release = resolve));
  }

  write = async (batch: ReadonlyMap<string, number>): Promise<void> => {
    await this.#hold;
    if (this.failing > 0) {
      this.failing -= 1;
      throw new Error('the database is away');
    }
    this.batches.push([...batch]);
    for (const [key, value] of batch) this.rows.set(key, value);
  };

  writer(delay = 0): BatchWriter<string, number> {
    return new BatchWriter(this.write, { delay, onError: () => (this.errors += 1) });
  }
}

describe('BatchWriter', () => {
  it('coalesces what comes while a batch is written, newest value per key', async () => {
    const store = new Store();
    const writer = store.writer();
    store.hold();
    writer.set('a', 1);
    await until(
      () => writer.size,
      (n) => n === 0,
      'the first batch is on its way',
    );
    for (let n = 2; n <= 9; n += 1) writer.set('a', n);
    writer.set('b', 1);
    store.release();
    await writer.close();
    expect(store.batches).toEqual([
      [['a', 1]],
      [
        ['a', 9],
        ['b', 1],
      ],
    ]);
  });

  it('tries a failed batch again, under what came meanwhile', async () => {
    const store = new Store();
    const writer = store.writer();
    store.failing = 2;
    store.hold();
    writer.set('a', 1);
    writer.set('b', 1);
    await until(
      () => writer.size,
      (n) => n === 0,
      'the first batch is on its way',
    );
    writer.set('a', 2);
    store.release();
    await until(
      () => store.rows.size,
      (n) => n === 2,
      'both rows',
    );
    expect(store.errors).toBe(2);
    expect([...store.rows]).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    await writer.close();
  });

  it('ends with the last value of every key, whatever fails on the way', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(99)) },
      { weight: 1, arbitrary: fc.constant('fail' as const) },
      { weight: 1, arbitrary: fc.constant('turn' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const store = new Store();
        const writer = store.writer();
        const last = new Map<string, number>();
        for (const s of steps) {
          if (s === 'fail') store.failing = 1;
          else if (s === 'turn') await new Promise((resolve) => setImmediate(resolve));
          else {
            writer.set(s[0], s[1]);
            last.set(s[0], s[1]);
          }
        }
        while (writer.size > 0) await writer.flush();
        await writer.close();
        expect(store.rows).toEqual(last);
      }),
      { numRuns: 100 },
    );
  });
});
