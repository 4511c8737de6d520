import { placementKey, type Placement } from '@spillway/snapshot';

/** `virtual service#vip id`, of anything that names both. */
export const placementKeyOf = (p: Pick<Placement, 'virtual_service_uuid' | 'vip_id'>): string =>
  placementKey(p);
