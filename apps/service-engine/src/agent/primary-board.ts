import type { Fragment, FragmentId, Pool, PoolGroup, Snapshot } from '@spillway/snapshot';

/** A pool of the highest priority of its group that went down here, and is not used until somebody says so. */
export interface Deactivation {
  readonly poolGroupUuid: string;
  readonly poolUuid: string;
  /** What the group said of it when it went down; void once that has been raised. */
  readonly cleared: number;
  /** Milliseconds since the epoch of Unix time. */
  readonly at: number;
}

/**
 * Notes when a primary pool goes down of a group with `deactivate_primary_pool_on_down`. This SE acts at once; the
 * controller, which is told, makes it one decision for all SEs and for ever, until it is cleared.
 */
export class PrimaryBoard {
  private readonly marks = new Map<string, Deactivation>();
  private groups: readonly PoolGroup[] = [];
  private pools: ReadonlyMap<string, Pool> = new Map();
  /** Primary pools that were up when they were looked at last. */
  private readonly wereUp = new Set<string>();

  /**
   * @param isUp the pool has as many servers up as it needs
   * @param now milliseconds since the epoch of Unix time
   */
  constructor(
    private readonly isUp: (pool: Pool) => boolean,
    private readonly now: () => number,
  ) {}

  /** What goes down by a change of the configuration was taken out by somebody: that is no failure. */
  configure(snapshot: Snapshot): void {
    this.groups = (snapshot.pool_groups ?? []).filter((g) => g.deactivate_on_down !== undefined);
    this.pools = new Map(snapshot.pools.map((p) => [p.uuid, p]));
    const groups = new Map(this.groups.map((g) => [g.uuid, g]));
    for (const [key, mark] of this.marks) {
      const group = groups.get(mark.poolGroupUuid);
      const on = group?.deactivate_on_down;
      const holds = on !== undefined && on.cleared === mark.cleared && !on.pool_uuids.includes(mark.poolUuid);
      if (!holds || !primariesOf(group!).includes(mark.poolUuid)) this.marks.delete(key);
    }
    this.wereUp.clear();
    for (const pool of this.watched()) if (this.isUp(pool)) this.wereUp.add(pool.uuid);
  }

  /** Verdicts have changed. True: another pool is deactivated, and the workers have to be told. */
  look(): boolean {
    const wentDown = new Set<string>();
    for (const pool of this.watched()) {
      if (this.isUp(pool)) this.wereUp.add(pool.uuid);
      else if (this.wereUp.delete(pool.uuid)) wentDown.add(pool.uuid);
    }
    let found = false;
    for (const group of this.groups) {
      const on = group.deactivate_on_down!;
      for (const poolUuid of primariesOf(group)) {
        const key = `${group.uuid} ${poolUuid}`;
        if (!wentDown.has(poolUuid) || on.pool_uuids.includes(poolUuid) || this.marks.has(key)) continue;
        const at = this.now();
        this.marks.set(key, { poolGroupUuid: group.uuid, poolUuid, cleared: on.cleared, at });
        found = true;
      }
    }
    return found;
  }

  /** What the controller does not know yet. */
  get deactivated(): readonly Deactivation[] {
    return [...this.marks.values()];
  }

  /** Puts what this SE knows into what the workers are handed. */
  into(fragments: Map<FragmentId, Fragment>, previous: ReadonlyMap<FragmentId, Fragment>): void {
    for (const { poolGroupUuid, poolUuid } of this.marks.values()) {
      const id: FragmentId = `pool_group/${poolGroupUuid}`;
      const fragment = fragments.get(id);
      if (fragment?.type !== 'pool_group' || fragment.body.deactivate_on_down === undefined) continue;
      const { cleared, pool_uuids } = fragment.body.deactivate_on_down;
      const deactivate_on_down = { cleared, pool_uuids: [...pool_uuids, poolUuid] };
      const next: Fragment = { ...fragment, body: { ...fragment.body, deactivate_on_down } };
      const before = previous.get(id);
      const same = before !== undefined && JSON.stringify(before) === JSON.stringify(next);
      fragments.set(id, same ? before : next);
    }
  }

  private watched(): Pool[] {
    const uuids = new Set(this.groups.flatMap(primariesOf));
    return [...uuids].flatMap((uuid) => this.pools.get(uuid) ?? []);
  }
}

/** Members of the highest priority that take anything at all. */
function primariesOf({ members }: PoolGroup): string[] {
  const taking = members.filter((m) => m.ratio > 0);
  const highest = Math.max(...taking.map((m) => m.priority));
  return taking.filter((m) => m.priority === highest).map((m) => m.pool_uuid);
}
