import {
  applyDelta,
  assemble,
  checkReferences,
  difference,
  fragmentId,
  fragmentsOf,
  type Delta,
  type Fragment,
  type FragmentId,
  type Snapshot,
  type VirtualService,
} from '@spillway/snapshot';
import { placementKeyOf } from './keys.js';

/** A generation was refused whole; the last good one stays live. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    readonly reason: string,
    /** The place in the snapshot that is at fault, where there is one. */
    readonly path = '',
  ) {
    super(path === '' ? reason : `${path}: ${reason}`);
    this.name = 'Refused';
  }
}

/** A validated snapshot with its fragments; fragments that did not change stay the same objects. */
export interface Candidate {
  snapshot: Snapshot;
  fragments: Map<FragmentId, Fragment>;
  /** Of the snapshot, by uuid. */
  services: ReadonlyMap<string, VirtualService>;
}

/** Before the first snapshot. */
export const NOTHING: Pick<Candidate, 'fragments'> = { fragments: new Map() };

const servicesOf = (snapshot: Snapshot): ReadonlyMap<string, VirtualService> =>
  new Map(snapshot.virtual_services.map((v) => [v.uuid, v]));

/** The candidate for a whole snapshot. */
export function candidateOf(snapshot: Snapshot, before: Candidate | undefined): Candidate {
  const next = fragmentsOf(snapshot);
  const services = servicesOf(snapshot);
  if (before === undefined)
    return { snapshot, services, fragments: new Map(next.map((f) => [fragmentId(f), f])) };
  const fragments = applyDelta(before.fragments, difference(before.fragments.values(), next));
  return { snapshot, services, fragments };
}

/** The candidate after a delta. `@throws {SnapshotError}` when its parts do not fit together */
export function afterDelta(
  before: Pick<Candidate, 'fragments'>,
  delta: Delta,
  epoch: number,
  generation: number,
): Candidate {
  const fragments = applyDelta(before.fragments, delta);
  const snapshot = assemble(fragments.values(), epoch, generation);
  checkReferences(snapshot);
  return { snapshot, services: servicesOf(snapshot), fragments };
}

/**
 * An SE refuses what is older than what it runs: a lower epoch of the cluster, or, inside an epoch, a lower epoch of
 * a placement. `@throws {Refused}`
 */
export function checkEpochs(live: Snapshot | undefined, next: Snapshot): void {
  if (live === undefined || next.epoch > live.epoch) return;
  if (next.epoch < live.epoch)
    throw new Refused('EPOCH_STALE', `epoch ${next.epoch} is below ${live.epoch}, which this SE runs`);
  const known = new Map(live.placements.map((p) => [placementKeyOf(p), p.epoch]));
  for (const p of next.placements) {
    const epoch = known.get(placementKeyOf(p));
    if (epoch !== undefined && p.epoch < epoch)
      throw new Refused(
        'PLACEMENT_EPOCH_STALE',
        `epoch ${p.epoch} is below ${epoch}, which this SE runs`,
        `placement/${placementKeyOf(p)}`,
      );
  }
}
