/** What a number may be. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
  /** When set, only these values and the specials. */
  readonly choices: readonly number[] | undefined;
  /** Values outside the range with a meaning of their own. */
  readonly specials: readonly number[];
}

const FORMATS: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint64: [0, Number.MAX_SAFE_INTEGER],
};

/** The numbers of `0 - Immediate, -1 - Infinite`; a word such as MAX is not one. */
export function parseSpecials(text: string | undefined): number[] {
  return [...(text ?? '').matchAll(/(?:^|,)\s*(-?\d+)\s*-/g)].map((m) => Number(m[1]));
}

/** Bounds from `1-300`, `-90.0-+90` or `0,1,2,4`, narrowed by the format. A default is always allowed: some lie outside their own range. */
export function parseRange(
  scalar: 'integer' | 'number',
  format: string | undefined,
  range: string | undefined,
  specials: readonly number[],
  byDefault: unknown,
): Bounds {
  const [low, high] = (scalar === 'integer' && FORMATS[format ?? 'int64']) || [
    -Number.MAX_VALUE,
    Number.MAX_VALUE,
  ];
  const allowed = typeof byDefault === 'number' ? [...new Set([...specials, byDefault])] : specials;
  const span = range?.match(/^(-?[\d.]+)\s*-\s*(\+?-?[\d.]+)$/);
  const min = span ? Number(span[1]) : low;
  const max = span ? Number(span[2]) : high;
  return {
    min,
    max,
    choices: range?.includes(',') ? range.split(',').map(Number) : undefined,
    specials: allowed.filter((v) => v < min || v > max),
  };
}

export function inBounds(bounds: Bounds, value: number): boolean {
  if (bounds.specials.includes(value)) return true;
  if (bounds.choices) return bounds.choices.includes(value);
  return value >= bounds.min && value <= bounds.max;
}

export function parseItems(text: string | undefined): { min: number; max: number } {
  const found = text?.match(/^(min|max) (\d+)$/);
  const n = Number(found?.[2]);
  return { min: found?.[1] === 'min' ? n : 0, max: found?.[1] === 'max' ? n : Infinity };
}

/** "an optional description of up to 256 characters" (pools document, Create Pool, step Review); we hold every kind to it. */
export function longestDescription(field: string, isKind: boolean): number {
  return field === 'description' && isKind ? 256 : Infinity;
}
