import type { AlgorithmName } from '../algorithms.js';
import type { Algorithm } from '../contract.js';
import { Xorshift } from '../xorshift.js';
import { Events } from './events.js';
import { add, algorithm, load, passes, setShares, world, type World } from './world.js';

/** A server that serves so many requests at a time; the others wait, the first one first. */
export interface Origin {
  /** Requests at a time. */
  slots: number;
  /** How many times as long as others it takes. */
  slowness?: number;
  ratio?: number;
  /** It refuses everything at once. */
  broken?: boolean;
}

/** A kind of request: how many of all are of it, and milliseconds to its first byte and to its last one. */
export interface Kind {
  part: number;
  firstByte: number;
  whole: number;
}

export interface Scenario {
  algorithm: AlgorithmName;
  origins: Origin[];
  kinds: Kind[];
  /** Requests a second, by time in milliseconds. */
  rate: (time: number) => number;
  duration: number;
  /** Of each service engine. */
  workers?: number;
  /** Service engines, which know nothing of each other. */
  engines?: number;
  seed?: number;
  capacityThreshold?: number;
  /** Times are as given; else they are spread as chance has it (exponentially). */
  exact?: boolean;
  /** Once a tick of 100 ms. */
  onTick?: (time: number, simulation: Simulation) => void;
}

export interface Served {
  kind: number;
  place: number;
  began: number;
  firstByte: number;
  whole: number;
  failed: boolean;
}

interface Job {
  kind: number;
  place: number;
  world: World;
  worker: number;
  by: Algorithm;
  began: number;
  first: number;
  rest: number;
  firstByteAt: number;
  work: number;
}

const TICK = 100;

/** Requests against servers through an algorithm on several workers, in simulated time; the same for the same seed. */
export class Simulation {
  /** One for each service engine. */
  readonly worlds: readonly World[];
  readonly served: Served[] = [];
  readonly open: Set<Job> = new Set();
  /** Where requests come in, in turn. */
  private readonly workers: readonly { by: Algorithm; world: World; worker: number }[];
  private readonly queues: Job[][];
  private readonly busy: number[];
  private readonly events = new Events();
  private readonly chance: Xorshift;
  private next = 0;

  constructor(private readonly scenario: Scenario) {
    const { origins, workers = 1, engines = 1 } = scenario;
    this.worlds = Array.from({ length: engines }, () =>
      world(
        origins.map((o) => o.ratio ?? 1),
        workers,
      ),
    );
    this.queues = origins.map(() => []);
    this.busy = origins.map(() => 0);
    this.chance = new Xorshift(scenario.seed ?? 1);
    const capacityThreshold = scenario.capacityThreshold ?? 0;
    this.workers = Array.from({ length: workers }, (_, worker) =>
      this.worlds.map((w) => ({
        by: algorithm(scenario.algorithm, w, { worker, start: worker, capacityThreshold }),
        world: w,
        worker,
      })),
    ).flat();
  }

  /** Of the first service engine. */
  get world(): World {
    return this.worlds[0]!;
  }

  get time(): number {
    return this.world.latency.time;
  }

  run(): this {
    const { scenario } = this;
    this.events.at(this.time + this.gap(), () => this.arrives());
    this.events.at(TICK, () => this.tick());
    for (;;) {
      const event = this.events.take();
      if (event === null || event.at > scenario.duration) return this;
      const step = event.at - this.time;
      for (const w of this.worlds) passes(w, step);
      event.run();
    }
  }

  /** Shares of the servers from now on. */
  share(shares: readonly number[]): void {
    for (const w of this.worlds) setShares(w, shares);
    for (const { by } of this.workers) by.refresh();
  }

  /** Times from request to first byte (or to the end), sorted. */
  times(of: (s: Served) => boolean, what: 'firstByte' | 'whole' = 'firstByte'): number[] {
    return this.served
      .filter((s) => !s.failed && of(s))
      .map((s) => s[what])
      .sort((a, b) => a - b);
  }

  /** The time to the first byte within which that part of the requests was answered, of those that began so late. */
  quantile(part: number, from = 0, to = Infinity): number {
    return quantile(
      this.times((s) => s.began >= from && s.began < to),
      part,
    );
  }

  /** Requests of each server between two times. */
  counts(from = 0, to = Infinity): number[] {
    const counts = this.busy.map(() => 0);
    for (const s of this.served) if (s.began >= from && s.began < to) counts[s.place]!++;
    return counts;
  }

  private gap(): number {
    const rate = this.scenario.rate(this.time);
    return rate <= 0 ? TICK : (-Math.log(1 - this.unit()) * 1000) / rate;
  }

  private unit(): number {
    return this.chance.below(1 << 30) / (1 << 30);
  }

  private spread(mean: number): number {
    return this.scenario.exact === true ? mean : -Math.log(1 - this.unit()) * mean;
  }

  private arrives(): void {
    this.events.at(this.time + this.gap(), () => this.arrives());
    if (this.scenario.rate(this.time) <= 0) return;
    const { kinds } = this.scenario;
    let at = this.unit();
    let kind = 0;
    while (kind + 1 < kinds.length && at >= kinds[kind]!.part) at -= kinds[kind++]!.part;
    const { by, world: w, worker } = this.workers[this.next++ % this.workers.length]!;
    const place = by.pick(-1, 0);
    const k = kinds[kind]!;
    const slowness = this.scenario.origins[place]!.slowness ?? 1;
    const first = this.spread(k.firstByte) * slowness;
    const rest = this.spread(Math.max(0, k.whole - k.firstByte)) * slowness;
    const job: Job = {
      kind,
      place,
      world: w,
      worker,
      by,
      began: this.time,
      first,
      rest,
      firstByteAt: 0,
      work: 0,
    };
    job.work = by.feed?.workOf(kind + 1) ?? 0;
    this.counted(job, 1);
    this.open.add(job);
    if (this.scenario.origins[place]!.broken === true) this.events.at(this.time + 0.2, () => this.fails(job));
    else if (this.busy[place]! < this.scenario.origins[place]!.slots) this.starts(job);
    else this.queues[place]!.push(job);
  }

  private counted(job: Job, by: 1 | -1): void {
    const { world: w } = job;
    add(w, job.place, job.worker, by);
    w.latency.work[w.table.slots[job.place]! * w.counts.stride + job.worker]! += by * job.work;
    job.by.changed(job.place);
  }

  private starts(job: Job): void {
    this.busy[job.place]!++;
    this.events.at(this.time + job.first, () => this.answers(job));
  }

  private answers(job: Job): void {
    job.firstByteAt = this.time;
    job.by.feed?.firstByte(job.place, (this.time - job.began) * 1000, this.time);
    this.events.at(this.time + job.rest, () => this.ends(job));
  }

  private ends(job: Job): void {
    job.by.feed?.whole(job.place, job.kind + 1, (this.time - job.began) * 1000, this.time);
    this.over(job, false);
    this.busy[job.place]!--;
    const waiting = this.queues[job.place]!.shift();
    if (waiting !== undefined) this.starts(waiting);
  }

  private fails(job: Job): void {
    job.by.feed?.failed(job.place, this.time);
    this.over(job, true);
  }

  private over(job: Job, failed: boolean): void {
    this.counted(job, -1);
    this.open.delete(job);
    const { kind, place, began, firstByteAt } = job;
    this.served.push({
      kind,
      place,
      began,
      firstByte: firstByteAt - began,
      whole: this.time - began,
      failed,
    });
  }

  private tick(): void {
    this.events.at(this.time + TICK, () => this.tick());
    for (const job of this.open) {
      const { feed } = job.by;
      const { latency, table, counts } = job.world;
      if (feed === undefined || !feed.classes) break;
      const cell = table.slots[job.place]! * counts.stride + job.worker;
      latency.work[cell]! -= job.work;
      job.work = feed.workLeft(job.kind + 1, Math.max(0, this.time - job.began - TICK) * 1000);
      latency.work[cell]! += job.work;
    }
    this.scenario.onTick?.(this.time, this);
  }

  /** Requests at a server, waiting ones too. */
  load(place: number): number {
    return this.worlds.reduce((sum, w) => sum + load(w, place), 0);
  }
}

/** The value below which that part of the sorted values is. */
export const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
