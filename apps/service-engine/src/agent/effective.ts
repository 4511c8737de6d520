import { fragmentId, type Fragment, type FragmentId, type VirtualService } from '@spillway/snapshot';
import type { Candidate } from './candidate.js';
import { placementKeyOf } from './keys.js';
import type { ClaimState } from './placement-state.js';

/** What decides how far the workers may go with each placement. */
export interface Conditions {
  claimOf: (placementKey: string) => ClaimState;
  /** The health of its servers is known, so that it may join. */
  mayServe: (placementKey: string, service: VirtualService | undefined) => boolean;
  /** The SE is stopping: every placement drains. */
  stopping: boolean;
}

/** The fragments that the workers ran before, by id. */
export type Previous = ReadonlyMap<FragmentId, Fragment>;

/**
 * What the workers are handed: the snapshot, but a placement listens only where VIP and ports are claimed and health
 * is known. A virtual service that serves already and whose new ports cannot be claimed keeps its old ones.
 */
export function effectiveFragments(
  candidate: Candidate,
  previous: Previous,
  conditions: Conditions,
): Map<FragmentId, Fragment> {
  const result = new Map(candidate.fragments);
  for (const p of candidate.snapshot.placements) {
    const key = placementKeyOf(p);
    const id = fragmentId({ type: 'placement', key });
    if (conditions.stopping && p.state !== 'drain') {
      result.set(id, keep(previous.get(id), { type: 'placement', key, body: { ...p, state: 'drain' } }));
      continue;
    }
    if (p.state !== 'active') continue;
    const service = candidate.services.get(p.virtual_service_uuid);
    const claimed = conditions.claimOf(key).state === 'held';
    if (claimed && conditions.mayServe(key, service)) continue;
    if (!claimed && service !== undefined && wasActive(previous.get(id))) {
      const serviceId = fragmentId({ type: 'virtual_service', key: service.uuid });
      const old = previous.get(serviceId);
      if (old?.type === 'virtual_service') {
        const body = { ...service, vips: old.body.vips, services: old.body.services };
        result.set(serviceId, keep(old, { type: 'virtual_service', key: service.uuid, body }));
        continue;
      }
    }
    result.set(id, keep(previous.get(id), { type: 'placement', key, body: { ...p, state: 'prepare' } }));
  }
  return result;
}

const wasActive = (fragment: Fragment | undefined): boolean =>
  fragment?.type === 'placement' && fragment.body.state === 'active';

/** The earlier object where it says the same, so that it counts as unchanged. */
const keep = (before: Fragment | undefined, next: Fragment): Fragment =>
  before !== undefined && JSON.stringify(before) === JSON.stringify(next) ? before : next;
