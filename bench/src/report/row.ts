/** One line of the table: a promise, what was allowed, what was measured. */
export interface Row {
  promise: string;
  budget: string;
  measured: string;
  /** Undefined: nothing is promised, the figure is for the reader. */
  met?: boolean;
  /** The figures behind `measured`, by name; times in milliseconds unless the name says otherwise. */
  figures: Record<string, number>;
}

/** Milliseconds, as precise as they mean something. */
export function ms(value: number): string {
  if (!Number.isFinite(value)) return 'none';
  if (value >= 1_000) return `${(value / 1_000).toFixed(2)} s`;
  return `${value.toFixed(value < 100 ? 1 : 0)} ms`;
}

/** A row whose figure must not be above a limit in milliseconds. */
export function atMost(
  promise: string,
  limit: number,
  value: number,
  figures: Record<string, number> = {},
): Row {
  return {
    promise,
    budget: `<= ${ms(limit).replace(/\.0+(?= )/, '')}`,
    measured: ms(value),
    met: value <= limit,
    figures: { value, ...figures },
  };
}

/** A row that counts what must not happen; `of` says among how many. */
export function none(promise: string, count: number, of: string, figures: Record<string, number> = {}): Row {
  return {
    promise,
    budget: '0',
    measured: `${count} of ${of}`,
    met: count === 0,
    figures: { count, ...figures },
  };
}

/** A row for the reader, without a promise. */
export function told(promise: string, measured: string, figures: Record<string, number>): Row {
  return { promise, budget: '-', measured, figures };
}
