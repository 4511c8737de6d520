import { z } from 'zod';
import { FailAction } from './fail-action.js';
import { name, uuid } from './primitives.js';

export const PoolGroupMember = z.strictObject({
  pool_uuid: uuid,
  /** Members of the highest priority that has a pool with a server take all requests. */
  priority: z.int().min(0).max(4_294_967_295),
  /** Share among members of one priority; 0 takes nothing new. */
  ratio: z.int().min(0).max(1000),
});
export type PoolGroupMember = z.infer<typeof PoolGroupMember>;

export const PoolGroup = z.strictObject({
  uuid,
  name,
  members: z.array(PoolGroupMember).max(1000),
  /** Members are tried in the order of priority until together they have so many servers; 0 asks for one. */
  min_servers: z.int().min(0).max(65_535),
  /** When none of its pools can serve; absent: that of the pool that would have been next. */
  fail_action: FailAction.optional(),
  /** A pool of the highest priority that went down is not used again before somebody says so. */
  deactivate_on_down: z
    .strictObject({
      /** Raised whenever somebody says so; what an SE has deactivated by itself under a lower one is over. */
      cleared: z.int().min(0),
      /** Pools that are deactivated, as all SEs know. */
      pool_uuids: z.array(uuid).max(1000),
    })
    .optional(),
});
export type PoolGroup = z.infer<typeof PoolGroup>;
