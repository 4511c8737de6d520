import { z } from 'zod';
import { RateLimitAction } from './policy.js';

const amount = z.int().min(1).max(1_000_000_000);

/** A rate that connections or requests of one virtual service are held to, over all SEs that serve it. */
export const ServiceRate = z.strictObject({
  /** Tells rates of one virtual service apart; one that keeps its name counts on after an edit. */
  name: z.string().min(1).max(256),
  of: z.enum(['connections', 'requests']),
  /** Each client address, path, or value of a header has a rate of its own; without any, all share one. */
  per_client: z.boolean(),
  per_path: z.boolean(),
  per_header: z.string().min(1).max(256).optional(),
  /** So many in `period` seconds. */
  count: amount,
  period: amount,
  /** At once at most; no effect below `count`. */
  burst: z.int().min(0).max(1_000_000_000),
  /** Of connections only `close` and `reset`. */
  exceeded: RateLimitAction,
});
export type ServiceRate = z.infer<typeof ServiceRate>;

export const ServiceLimits = z.strictObject({
  /** Client connections open at a time, over all SEs that serve the virtual service. */
  max_connections: z.int().min(1).optional(),
  rates: z.array(ServiceRate).max(64),
});
export type ServiceLimits = z.infer<typeof ServiceLimits>;
