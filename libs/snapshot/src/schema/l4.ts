import { z } from 'zod';
import { milliseconds } from './primitives.js';

export const TcpProfile = z.strictObject({
  /** A connection without traffic either way is closed after this long; 0 never. */
  idle_timeout: milliseconds,
});
export type TcpProfile = z.infer<typeof TcpProfile>;
