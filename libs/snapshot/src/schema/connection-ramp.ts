import { z } from 'zod';

/** How a server that joins others gets to its full part of the traffic (pools document, Connection Ramp). */
export const ConnectionRamp = z.strictObject({
  /** Milliseconds until it has its full part; at most 300 minutes. */
  duration: z.int().min(1).max(18_000_000),
  /** Equal parts of the duration: over part k of n it gets k / n of its part. */
  units: z.int().min(4).max(18_000),
});
export type ConnectionRamp = z.infer<typeof ConnectionRamp>;
