/** When something that died may be started again. */
export interface BackOff {
  /** Starts in a row that did not last. */
  failures: number;
  /** Not before this time (milliseconds of the caller's clock). */
  notBefore: number;
}

export const rested: BackOff = { failures: 0, notBefore: 0 };

const firstMs = 200;
const mostMs = 10_000;
/** What ran this long was well: its next death is a first one again. */
const wellMs = 30_000;

/** After a death at `now` of something that had run for `ranMs`: 0.2 s, doubling, at most 10 s. */
export function died(before: BackOff, now: number, ranMs: number): BackOff {
  const failures = ranMs >= wellMs ? 0 : before.failures;
  return { failures: failures + 1, notBefore: now + Math.min(mostMs, firstMs * 2 ** failures) };
}

/** What is left to wait at `now`, for people: seconds, to the tenth. */
export function secondsLeft({ notBefore }: BackOff, now: number): string {
  return `${Math.max(0, Math.round((notBefore - now) / 100) / 10)} s`;
}
