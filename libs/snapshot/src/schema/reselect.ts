import { z } from 'zod';
import { milliseconds } from './primitives.js';

/**
 * Requests that a server of the pool fails are sent to others of it (pools document, HTTP Server Reselect): each to a
 * different one, until one serves it or `retries` is used up.
 */
export const Reselect = z.strictObject({
  /** Servers after the first. */
  retries: z.int().min(0).max(4_294_967_295),
  /** Methods that are not idempotent too. */
  nonidempotent: z.boolean(),
  /** For one try of a request that may be repeated, from the whole request to the head of its response; 0: as always. */
  timeout: milliseconds,
  /** Responses that are a failure; none: only what is no response at all. */
  statuses: z
    .array(z.strictObject({ from: z.int().min(400).max(599), to: z.int().min(400).max(599) }))
    .max(256),
});
export type Reselect = z.infer<typeof Reselect>;
