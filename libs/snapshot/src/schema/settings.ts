import { z } from 'zod';
import { name, uuid } from './primitives.js';

/** What the SE is told about itself and its group. */
export const Settings = z.strictObject({
  se_uuid: uuid,
  se_name: name,
  cluster_uuid: uuid,
  se_group_uuid: uuid,
  /** How several SEs share a VIP (design, VIP distribution). */
  vip_distribution: z.enum(['host', 'relay', 'l2', 'l2-tunnel', 'bgp']),
  /** Beat of supervisor, agent and workers, in milliseconds. */
  dp_hb_frequency: z.int().min(10).max(60_000),
  /** Beats missed before a process counts as hung. */
  dp_hb_timeout_count: z.int().min(2).max(1000),
  /** Heartbeat to the controller, in milliseconds. */
  heartbeat_interval: z.int().min(50).max(60_000),
});
export type Settings = z.infer<typeof Settings>;
