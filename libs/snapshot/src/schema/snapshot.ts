import { z } from 'zod';
import { HealthMonitor } from './health-monitor.js';
import { PersistenceProfile } from './persistence.js';
import { Placement } from './placement.js';
import { AddressGroup, HttpPolicySet, NetworkPolicy, StringGroup } from './policy.js';
import { PoolGroup } from './pool-group.js';
import { Pool } from './pool.js';
import { Settings } from './settings.js';
import { Certificate, TicketKeys } from './tls.js';
import { VirtualService } from './virtual-service.js';

/**
 * The snapshot: everything one SE needs to serve, and nothing else. It is what the translator's golden files
 * hold, what an SE persists on its disk, and what `./spillway engine --snapshot FILE` runs.
 *
 * Every object is strict: an unknown field is refused, so that an SE never half-understands its configuration.
 */
export const FORMAT = 1;

export const Snapshot = z.strictObject({
  format: z.literal(FORMAT),
  /** Raised by a restore or a failover of the configuration; an SE refuses a lower one. */
  epoch: z.int().min(0),
  /** The change of the configuration that this snapshot is current with. */
  generation: z.int().min(0),
  settings: Settings,
  placements: z.array(Placement).max(10_000),
  virtual_services: z.array(VirtualService).max(10_000),
  pools: z.array(Pool).max(10_000),
  health_monitors: z.array(HealthMonitor).max(10_000),
  /** What is not used is left out. */
  pool_groups: z.array(PoolGroup).max(10_000).optional(),
  http_policy_sets: z.array(HttpPolicySet).max(10_000).optional(),
  network_policies: z.array(NetworkPolicy).max(10_000).optional(),
  string_groups: z.array(StringGroup).max(10_000).optional(),
  address_groups: z.array(AddressGroup).max(10_000).optional(),
  certificates: z.array(Certificate).max(10_000).optional(),
  persistence_profiles: z.array(PersistenceProfile).max(10_000).optional(),
  ticket_keys: z.array(TicketKeys).max(10_000).optional(),
});
export type Snapshot = z.infer<typeof Snapshot>;
