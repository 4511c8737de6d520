/** How a server that comes in gets to its full share (pools document, Connection Ramp). */
export interface Ramp {
  /** Milliseconds. */
  readonly duration: number;
  /** Equal parts of the duration. 4 or more. */
  readonly units: number;
}

/**
 * The share of a server that came in `elapsed` milliseconds ago, above 0, at most 1: `elapsed / duration + 1 / (2 units)`.
 * It grows without steps, since with least connections each step would be a burst, and over unit k of n it is k / n:
 * with four units a quarter over the first, half over the second, three quarters over the third. It is full half a unit
 * before the end.
 */
export function rampShare(elapsed: number, { duration, units }: Ramp): number {
  if (elapsed >= duration) return 1;
  return Math.min(1, Math.max(0, elapsed) / duration + 1 / (2 * units));
}
