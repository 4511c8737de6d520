import { z } from 'zod';
import { milliseconds, uuid } from './primitives.js';

/** Requests wait for a place when all servers of their pool have as many connections as they may have. */
export const RequestQueue = z.strictObject({
  /** Requests that may wait, counted over all workers of the SE. */
  depth: z.int().min(1).max(1_000_000),
  /** Milliseconds after which a request waits no more. */
  timeout: milliseconds.min(1),
});
export type RequestQueue = z.infer<typeof RequestQueue>;

/** How SEs share the connections to the servers of a pool. */
export const PoolShare = z.strictObject({
  pool_uuid: uuid,
  /** SEs that have connections to its servers, this one too. */
  sharers: z.int().min(1).max(4096),
  /** Which of them this one is, from 0. */
  place: z.int().min(0).max(4095),
});
export type PoolShare = z.infer<typeof PoolShare>;
