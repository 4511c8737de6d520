import { z } from 'zod';
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
});
export type PoolGroup = z.infer<typeof PoolGroup>;
