import {
  canonical,
  type Fragment,
  type FragmentId,
  fragmentId,
  type Placement,
  placementKey,
} from '@spillway/snapshot';
import { PoolShares } from './pool-shares.js';
import { FragmentCache, type Translatable } from './fragment-cache.js';
import { error, type Lookup, type PlacementInput, type Problem } from './types.js';

/** A placement that the SE is not given, with the reasons. */
export interface Unserved {
  readonly placement: PlacementInput;
  readonly problems: readonly Problem[];
}

/** Everything that one SE runs. Fragments that did not change keep their identity from one call to the next. */
export interface SeSnapshot {
  readonly fragments: ReadonlyMap<FragmentId, Fragment>;
  readonly unserved: readonly Unserved[];
}

interface Tracked {
  snapshot: SeSnapshot;
  /** Translations that the snapshot was made from, the failed ones too. */
  used: Set<string>;
  dirty: boolean;
}

/** Most SEs that a virtual service can be placed on. */
const MOST_SHARERS = 64;

const NOTHING: SeSnapshot = { fragments: new Map(), unserved: [] };

/**
 * The snapshots of the SEs that are tracked, translated again only where something they were made from has changed.
 * What it gives after any sequence of changes is what a new one gives for the same objects and placements.
 */
export class SnapshotSource {
  readonly #cache: FragmentCache;
  readonly #placements = new Map<string, PlacementInput>();
  readonly #bySe = new Map<string, Map<string, PlacementInput>>();
  readonly #byService = new Map<string, Map<string, PlacementInput>>();
  readonly #tracked = new Map<string, Tracked>();
  readonly #shares: PoolShares;
  #sinceSweep = 0;

  constructor(lookup: Lookup, clusterUuid: string) {
    this.#cache = new FragmentCache(lookup, clusterUuid);
    this.#shares = new PoolShares(this.#cache, this.#byService);
  }

  /** From now on this SE is named by `changed` when its snapshot may differ. */
  track(seUuid: string): void {
    if (!this.#tracked.has(seUuid))
      this.#tracked.set(seUuid, { snapshot: NOTHING, used: new Set(), dirty: true });
  }

  untrack(seUuid: string): void {
    this.#tracked.delete(seUuid);
  }

  /** Takes over one placement row; undefined when it is deleted. Returns the tracked SEs that it concerns. */
  setPlacement(id: string, placement: PlacementInput | undefined): Set<string> {
    const concerned = new Set<string>();
    const before = this.#placements.get(id);
    if (before !== undefined) {
      this.#placements.delete(id);
      this.#bySe.get(before.seUuid)?.delete(id);
      const rows = this.#byService.get(before.vsUuid);
      rows?.delete(id);
      if (rows?.size === 0) this.#byService.delete(before.vsUuid);
      concerned.add(before.seUuid);
    }
    if (placement !== undefined) {
      this.#placements.set(id, placement);
      const rows = this.#bySe.get(placement.seUuid) ?? new Map<string, PlacementInput>();
      this.#bySe.set(placement.seUuid, rows.set(id, placement));
      const siblings = this.#byService.get(placement.vsUuid) ?? new Map<string, PlacementInput>();
      this.#byService.set(placement.vsUuid, siblings.set(id, placement));
      concerned.add(placement.seUuid);
    }
    for (const row of [before, placement])
      if (row !== undefined) {
        this.#addSharers(row.vsUuid, concerned);
        for (const seUuid of this.#shares.placed(row.vsUuid)) concerned.add(seUuid);
      }
    return this.#markDirty(concerned);
  }

  /** Ids of all placement rows that are known. */
  placementIds(): IterableIterator<string> {
    return this.#placements.keys();
  }

  /** Objects were created, updated or deleted: the tracked SEs whose snapshot may differ. */
  objectsChanged(uuids: Iterable<string>): Set<string> {
    const readers = this.#cache.changed(uuids);
    if (readers.size === 0) return new Set();
    const concerned = this.#shares.changed(readers);
    for (const [seUuid, tracked] of this.#tracked)
      if (intersects(readers, tracked.used)) concerned.add(seUuid);
    return this.#markDirty(concerned);
  }

  /** What a tracked SE has to run now. */
  snapshotOf(seUuid: string): SeSnapshot {
    const tracked = this.#tracked.get(seUuid);
    if (tracked === undefined) return NOTHING;
    if (tracked.dirty) this.#compose(seUuid, tracked);
    return tracked.snapshot;
  }

  /** Why a virtual service, or anything that it uses, is not translated as written; empty when all is. */
  problemsOf(vsUuid: string): Problem[] {
    const seen = new Set<string>();
    const gather = (type: Translatable, uuid: string): readonly Problem[] => {
      if (seen.has(`${type}/${uuid}`)) return [];
      seen.add(`${type}/${uuid}`);
      const { problems, uses } = this.#cache.get(type, uuid);
      // What is wrong with a monitor is said by its pool.
      const further = uses.flatMap((u) =>
        u.type === 'placement' || u.type === 'health_monitor' ? [] : gather(u.type, u.uuid),
      );
      return [...problems, ...further];
    };
    return [...gather('virtual_service', vsUuid)];
  }

  #compose(seUuid: string, tracked: Tracked): void {
    const used = new Set<string>();
    const fragments = new Map<FragmentId, Fragment>();
    const unserved: Unserved[] = [];
    // A pool may be the backup of one that is its own.
    const added = new Set<string>();
    const add = (type: Translatable, uuid: string): void => {
      if (added.has(`${type}/${uuid}`)) return;
      added.add(`${type}/${uuid}`);
      used.add(`${type}/${uuid}`);
      const { fragment, uses } = this.#cache.get(type, uuid);
      if (fragment === undefined) return;
      fragments.set(fragmentId(fragment), fragment);
      for (const need of uses) if (need.type !== 'placement') add(need.type, need.uuid);
    };
    add('settings', seUuid);
    const rows = [...(this.#bySe.get(seUuid)?.values() ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const row of rows) {
      const problems = this.#refusal(row, used);
      if (problems.length > 0) {
        unserved.push({ placement: row, problems });
        continue;
      }
      add('virtual_service', row.vsUuid);
      const fragment = placementFragment(row, {
        ...this.#sharersOf(row),
        ...this.#shares.of(row.vsUuid, seUuid),
      });
      fragments.set(
        fragmentId(fragment),
        keep(tracked.snapshot.fragments.get(fragmentId(fragment)), fragment),
      );
    }
    tracked.snapshot = { fragments, unserved };
    tracked.used = used;
    tracked.dirty = false;
    this.#sweep();
  }

  /** All SEs of a virtual service whose limits they share, since their number may have changed. */
  #addSharers(vsUuid: string, concerned: Set<string>): void {
    if (this.#isLimited(vsUuid))
      for (const row of this.#byService.get(vsUuid)?.values() ?? []) concerned.add(row.seUuid);
  }

  #isLimited(vsUuid: string): boolean {
    const { fragment } = this.#cache.get('virtual_service', vsUuid);
    return fragment?.type === 'virtual_service' && fragment.body.limits !== undefined;
  }

  /** SEs that serve the same VIP, where it matters. */
  #sharersOf(row: PlacementInput): { sharers?: number } {
    if (!this.#isLimited(row.vsUuid)) return {};
    const rows = [...(this.#byService.get(row.vsUuid)?.values() ?? [])];
    const active = rows.filter((r) => r.vipId === row.vipId && r.desired === 'active').length;
    return { sharers: Math.min(Math.max(active, 1), MOST_SHARERS) };
  }

  /** Why a placement cannot be given to its SE. */
  #refusal(row: PlacementInput, used: Set<string>): readonly Problem[] {
    used.add(`virtual_service/${row.vsUuid}`);
    const { fragment, problems } = this.#cache.get('virtual_service', row.vsUuid);
    if (fragment === undefined) return problems.filter((p) => p.severity === 'error');
    const missing = this.#missing('virtual_service', row.vsUuid, used, new Set());
    if (missing.length > 0) return missing;
    if (fragment.type === 'virtual_service' && fragment.body.vips.some((v) => v.vip_id === row.vipId))
      return [];
    return [
      error('VIP_MISSING', 'vsvip_ref', `the virtual service has no VIP ${row.vipId} with a usable address`),
    ];
  }

  /** Errors of what a translation needs beside itself. */
  #missing(type: Translatable, uuid: string, used: Set<string>, seen: Set<string>): readonly Problem[] {
    if (seen.has(`${type}/${uuid}`)) return [];
    seen.add(`${type}/${uuid}`);
    return this.#cache.get(type, uuid).uses.flatMap((need) => {
      if (need.type === 'placement') return [];
      used.add(`${need.type}/${need.uuid}`);
      const { fragment, problems } = this.#cache.get(need.type, need.uuid);
      if (fragment === undefined) return problems.filter((p) => p.severity === 'error');
      return this.#missing(need.type, need.uuid, used, seen);
    });
  }

  #markDirty(seUuids: Iterable<string>): Set<string> {
    const found = new Set<string>();
    for (const seUuid of seUuids) {
      const tracked = this.#tracked.get(seUuid);
      if (tracked === undefined) continue;
      tracked.dirty = true;
      found.add(seUuid);
    }
    return found;
  }

  /** Now and then forgets translations that no tracked SE uses, so that deleted objects leave nothing behind. */
  #sweep(): void {
    this.#sinceSweep += 1;
    if (this.#sinceSweep < 1000) return;
    this.#sinceSweep = 0;
    const used = new Set<string>();
    for (const tracked of this.#tracked.values()) for (const id of tracked.used) used.add(id);
    this.#cache.retain(used);
  }
}

function placementFragment(
  row: PlacementInput,
  sharing: Pick<Placement, 'sharers' | 'pool_shares'>,
): Fragment {
  const body = {
    virtual_service_uuid: row.vsUuid,
    vip_id: row.vipId,
    state: row.desired,
    primary: row.primary,
    epoch: row.epoch,
    drain_timeout: row.drainTimeout,
    ...sharing,
  };
  return { type: 'placement', key: placementKey(body), body };
}

const keep = (known: Fragment | undefined, fresh: Fragment): Fragment =>
  known !== undefined && canonical(known.body) === canonical(fresh.body) ? known : fresh;

function intersects(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  for (const id of few) if (many.has(id)) return true;
  return false;
}
