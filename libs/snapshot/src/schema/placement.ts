import { z } from 'zod';
import { milliseconds, uuid } from './primitives.js';
import { PoolShare } from './room.js';

/**
 * What this SE has to do for one virtual service.
 * - `prepare`: claim VIP and ports, check the health of the servers, open no listener.
 * - `active`: serve.
 * - `drain`: take no new connection; what is left ends by `drain_timeout`, then it is reset.
 */
export const Placement = z.strictObject({
  virtual_service_uuid: uuid,
  vip_id: z.string().max(64),
  state: z.enum(['prepare', 'active', 'drain']),
  primary: z.boolean(),
  /** Raised each time ownership passes on; an SE refuses a lower one. */
  epoch: z.int().min(0),
  /** Milliseconds from the moment the SE learns of the drain; 0 resets at once. */
  drain_timeout: milliseconds,
  /** SEs that serve this VIP, this one too: they share the limits of the virtual service. 1 unless told. */
  sharers: z.int().min(1).max(64).optional(),
  /** Of the pools that it uses and that limit connections. One that is not here is this SE's alone. */
  pool_shares: z.array(PoolShare).optional(),
});
export type Placement = z.infer<typeof Placement>;
