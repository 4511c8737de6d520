import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Algorithm } from './contract.js';
import { mix } from './hash.js';
import { ALGORITHM_NAMES, type AlgorithmName } from './index.js';
import { add, algorithm, setShares, world, type World } from './testing/world.js';

/*
 * Every algorithm under any run of what may happen to a pool: requests begin and end on several workers, servers go
 * down, come up, get other shares, the algorithm is changed. The model is what the pool has and what is open.
 */

const WORKERS = 3;

/** One pool as its workers see it, and what is under way. */
class Plane {
  readonly world: World;
  workers: Algorithm[];
  /** Open requests: worker and place. */
  open: { worker: number; place: number }[] = [];

  constructor(
    readonly ratios: readonly number[],
    name: AlgorithmName,
  ) {
    this.world = world(ratios, WORKERS);
    this.workers = this.made(name);
  }

  made(name: AlgorithmName): Algorithm[] {
    return Array.from({ length: WORKERS }, (_, worker) =>
      algorithm(name, this.world, { worker, start: worker }),
    );
  }

  count(worker: number, place: number, by: number): void {
    add(this.world, place, worker, by);
    this.workers[worker]!.changed(place);
  }

  get eligible(): number[] {
    return [...this.ratios.keys()].filter((i) => this.world.table.eligible[i] === 1);
  }
}

type Model = Record<string, never>;
type Command = fc.Command<Model, Plane>;

const always = () => true;

class Pick implements Command {
  constructor(
    readonly worker: number,
    readonly key: number,
    readonly avoid: number,
    readonly times: number,
  ) {}
  check = always;
  run(_: Model, plane: Plane): void {
    const { eligible } = plane;
    const avoid = this.avoid < 0 ? -1 : this.avoid % plane.ratios.length;
    for (let k = 0; k < this.times; k++) {
      const place = plane.workers[this.worker]!.pick(avoid, mix(this.key + k));
      if (eligible.length === 0) {
        expect(place).toBe(-1);
        continue;
      }
      expect(eligible).toContain(place);
      if (eligible.some((i) => i !== avoid)) expect(place).not.toBe(avoid);
      plane.count(this.worker, place, 1);
      plane.open.push({ worker: this.worker, place });
    }
  }
  toString = () => `pick(${this.times} by worker ${this.worker}, not ${this.avoid})`;
}

class End implements Command {
  constructor(
    readonly at: number,
    readonly times: number,
  ) {}
  check = always;
  run(_: Model, plane: Plane): void {
    for (let k = 0; k < this.times && plane.open.length > 0; k++) {
      const [{ worker, place }] = plane.open.splice(this.at % plane.open.length, 1) as [Plane['open'][0]];
      plane.count(worker, place, -1);
    }
  }
  toString = () => `end(${this.times})`;
}

class Shares implements Command {
  constructor(readonly shares: readonly number[]) {}
  check = always;
  run(_: Model, plane: Plane): void {
    setShares(
      plane.world,
      plane.ratios.map((_r, i) => this.shares[i % this.shares.length]!),
    );
    for (const worker of plane.workers) worker.refresh();
  }
  toString = () => `shares(${this.shares.join()})`;
}

class Change implements Command {
  constructor(readonly name: AlgorithmName) {}
  check = always;
  run(_: Model, plane: Plane): void {
    const cells = plane.world.counts.cells.slice();
    plane.workers = plane.made(this.name);
    // What is open is left alone.
    expect(plane.world.counts.cells).toEqual(cells);
  }
  toString = () => `change to ${this.name}`;
}

const share = fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0.001, max: 1, noNaN: true }));
const worker = fc.nat({ max: WORKERS - 1 });
const commands = fc.commands(
  [
    fc
      .tuple(worker, fc.nat(), fc.integer({ min: -1, max: 400 }), fc.integer({ min: 1, max: 40 }))
      .map((args) => new Pick(...args)),
    fc.tuple(fc.nat(), fc.integer({ min: 1, max: 40 })).map((args) => new End(...args)),
    fc.array(share, { minLength: 1, maxLength: 12 }).map((shares) => new Shares(shares)),
    fc.constantFrom(...ALGORITHM_NAMES).map((name) => new Change(name)),
  ],
  { maxCommands: 60 },
);

describe.each(ALGORITHM_NAMES)('%s, whatever happens', (name) => {
  it.each([
    ['small', 1, 12],
    ['large', 65, 300],
  ])('takes a server that is up, not the one to avoid, in a %s pool', (_size, minLength, maxLength) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength, maxLength }),
        commands,
        (ratios, run) => {
          fc.modelRun(() => ({ model: {}, real: new Plane(ratios, name) }), run);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('takes the same servers again when the same happens again', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 80 }),
        fc.array(share, { minLength: 1, maxLength: 80 }),
        (ratios, shares) => {
          const picks = (): number[] => {
            const plane = new Plane(ratios, name);
            new Shares(shares).run({}, plane);
            return Array.from({ length: 60 }, (_, k) => {
              const place = plane.workers[k % WORKERS]!.pick(-1, mix(k));
              if (place >= 0) plane.count(k % WORKERS, place, 1);
              return place;
            });
          };
          expect(picks()).toEqual(picks());
        },
      ),
      { numRuns: 20 },
    );
  });
});
