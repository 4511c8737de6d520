import type { Algorithm, AlgorithmContext, Feed } from '../contract.js';
import { openAt } from '../load.js';
import { Capacities } from './capacity.js';
import { FewestServers } from './fewest-servers.js';

/** Estimates capacities beside an algorithm that does not ask for them, and tells it what it wants to be told. */
class CapacityFeed implements Feed {
  readonly classes: boolean;
  private readonly capacities: Capacities;

  constructor(
    private readonly context: AlgorithmContext,
    private readonly inner: Feed | null,
  ) {
    this.classes = inner?.classes ?? false;
    this.capacities = new Capacities(context, false);
  }

  workOf(kind: number): number {
    return this.inner === null ? 0 : this.inner.workOf(kind);
  }

  workLeft(kind: number, age: number): number {
    return this.inner === null ? 0 : this.inner.workLeft(kind, age);
  }

  firstByte(place: number, microseconds: number, now: number): void {
    this.inner?.firstByte(place, microseconds, now);
    this.capacities.sample(place, microseconds, openAt(this.context, place), now);
  }

  whole(place: number, kind: number, microseconds: number, now: number): void {
    this.inner?.whole(place, kind, microseconds, now);
  }

  failed(place: number, now: number): void {
    this.inner?.failed(place, now);
    this.capacities.failed(place);
  }
}

/**
 * What is to be told of requests to the servers of a pool; null when nobody asks.
 * @param estimates capacities are to be known whatever the algorithm (`capacity_estimation`)
 */
export function feedOf(algorithm: Algorithm, context: AlgorithmContext, estimates: boolean): Feed | null {
  const inner = algorithm.feed ?? null;
  return estimates && !(algorithm instanceof FewestServers) ? new CapacityFeed(context, inner) : inner;
}
