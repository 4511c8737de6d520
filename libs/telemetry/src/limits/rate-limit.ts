/**
 * A rate as a token bucket: `size` tokens, filled at an even pace. It is kept as one number, the time at which the
 * bucket will be full again (generic cell rate algorithm), so that taking a token is one compare-and-swap.
 *
 * That number is a 32-bit count of units that wraps; the unit is chosen per rate so that everything that matters lies
 * within a quarter of the circle. Rates up to a million a second are kept to within 1 %.
 */
export interface RateLimit {
  /** Units from one token to the next. */
  readonly interval: number;
  /** Units by which the bucket may be behind when a token is asked for: those of all tokens but one. */
  readonly tolerance: number;
  readonly unitsPerMs: number;
  /** Exponent of the unit; part of the key, since numbers of different units do not compare. */
  readonly exponent: number;
  /** Seconds after which an untouched bucket is full for certain. */
  readonly life: number;
}

const NS_PER_SECOND = 1e9;
/** Units that a bucket and the slack of its expiry may span. */
const SPAN = 2 ** 30;
/** Expiry is told in whole seconds. */
const SLACK_SECONDS = 4;

/**
 * @param count tokens per period, above 0; fractions are fine
 * @param period seconds, above 0
 * @param burst tokens that may be taken at once when that is more than `count` (published `burst_sz`)
 * @param sharers service engines that share the rate evenly; each gets its part, and one token at least
 */
export function rateLimit(count: number, period: number, burst = 0, sharers = 1): RateLimit {
  const perToken = (period * NS_PER_SECOND * sharers) / count;
  const size = Math.max(1, Math.floor(Math.max(count, burst) / sharers));
  const span = perToken * size + SLACK_SECONDS * NS_PER_SECOND;
  const exponent = Math.max(0, Math.ceil(Math.log2(span / SPAN)));
  const unit = 2 ** exponent;
  const interval = Math.max(1, Math.round(perToken / unit));
  return {
    interval,
    tolerance: interval * (size - 1),
    unitsPerMs: 1e6 / unit,
    exponent,
    life: Math.ceil((interval * size * unit) / NS_PER_SECOND) + 1,
  };
}
