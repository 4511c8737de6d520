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
}

/** The candidate for a whole snapshot. */
export function candidateOf(snapshot: Snapshot, before: Candidate | undefined): Candidate {
  const next = fragmentsOf(snapshot);
  if (before === undefined) return { snapshot, fragments: new Map(next.map((f) => [fragmentId(f), f])) };
  return {
    snapshot,
    fragments: applyDelta(before.fragments, difference(before.fragments.values(), next)),
  };
}

/** The candidate after a delta. `@throws {SnapshotError}` when its parts do not fit together */
export function afterDelta(before: Candidate, delta: Delta, epoch: number, generation: number): Candidate {
  const fragments = applyDelta(before.fragments, delta);
  const snapshot = assemble(fragments.values(), epoch, generation);
  checkReferences(snapshot);
  return { snapshot, fragments };
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
