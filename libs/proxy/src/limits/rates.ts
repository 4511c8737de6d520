import { RateKey, rateLimit, seedOf, type RateLimit, type RateTable } from '@spillway/telemetry';

/** One key at a time is hashed; all rates use this one. */
const key = new RateKey();

/** A rate with a name of its own, over all workers of the SE. */
export class NamedRate {
  private readonly limit: RateLimit;
  private readonly seed: number;

  /**
   * @param id rates of the same id share their counts, also across edits
   * @param sharers SEs that share the rate
   */
  constructor(
    private readonly table: RateTable,
    id: string,
    rate: { readonly count: number; readonly period: number; readonly burst: number },
    sharers = 1,
  ) {
    this.seed = seedOf(id);
    this.limit = rateLimit(rate.count, rate.period, rate.burst, sharers);
  }

  /**
   * @param who is counted; each key has the whole rate for itself
   * @param now `transport.now()`
   * @returns false when it is one too many
   */
  take(who: string, now: number): boolean {
    return this.table.take(key.begin(this.seed).text(who), this.limit, now);
  }
}
