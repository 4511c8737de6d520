import type { PoolShare } from '@spillway/snapshot';
import type { FragmentCache, Translatable } from './fragment-cache.js';
import type { PlacementInput } from './types.js';

/** What one virtual service is made of, as far as it matters here. */
interface Closure {
  /** Translations that were looked at (`type/uuid`). */
  readonly ids: ReadonlySet<string>;
  /** Pools that limit the connections to their servers. */
  readonly limited: readonly string[];
}

/**
 * Which SEs share the connections to the servers of a pool: all on which a virtual service that uses it is placed,
 * those that drain too, since what they hold is still open. They are numbered in the order of their uuids.
 */
export class PoolShares {
  readonly #closures = new Map<string, Closure>();
  /** Virtual services with a pool that limits connections. */
  readonly #limited = new Set<string>();
  /** SEs of each limited pool, as of the last change. */
  #sharers: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(
    private readonly cache: FragmentCache,
    /** Placements by virtual service, then by id. */
    private readonly placements: ReadonlyMap<string, ReadonlyMap<string, PlacementInput>>,
  ) {}

  /** A placement of this virtual service has come, gone or changed: the SEs whose share is another one now. */
  placed(vsUuid: string): Set<string> {
    if (this.placements.has(vsUuid)) this.#closureOf(vsUuid);
    else this.#forget(vsUuid);
    return this.#moved();
  }

  /** These translations may be others now: the SEs whose share is another one now. */
  changed(translations: ReadonlySet<string>): Set<string> {
    const doubted: string[] = [];
    for (const [vsUuid, { ids }] of this.#closures)
      for (const id of translations)
        if (ids.has(id)) {
          doubted.push(vsUuid);
          break;
        }
    for (const vsUuid of doubted) {
      this.#forget(vsUuid);
      this.#closureOf(vsUuid);
    }
    return this.#moved();
  }

  /** What an SE is told with a placement of this virtual service. */
  of(vsUuid: string, seUuid: string): { pool_shares?: PoolShare[] } {
    const shares = this.#closureOf(vsUuid).limited.map((pool_uuid): PoolShare => {
      const sharers = this.#sharers.get(pool_uuid) ?? [seUuid];
      // While all SEs prepare nobody is counted, and each is told that it is alone.
      return {
        pool_uuid,
        sharers: Math.max(1, sharers.length),
        place: Math.max(0, sharers.indexOf(seUuid)),
      };
    });
    return shares.length === 0 ? {} : { pool_shares: shares };
  }

  #moved(): Set<string> {
    const before = this.#sharers;
    this.#sharers = this.#count();
    const moved = new Set<string>();
    for (const pool of new Set([...before.keys(), ...this.#sharers.keys()])) {
      const was = before.get(pool) ?? [];
      const is = this.#sharers.get(pool) ?? [];
      if (was.length !== is.length || was.some((se, i) => se !== is[i]))
        for (const se of [...was, ...is]) moved.add(se);
    }
    return moved;
  }

  #count(): Map<string, string[]> {
    const sharers = new Map<string, Set<string>>();
    for (const vsUuid of this.#limited)
      for (const pool of this.#closureOf(vsUuid).limited) {
        let ses = sharers.get(pool);
        if (ses === undefined) sharers.set(pool, (ses = new Set()));
        for (const row of this.placements.get(vsUuid)?.values() ?? [])
          if (row.desired !== 'prepare') ses.add(row.seUuid);
      }
    return new Map([...sharers].map(([pool, ses]) => [pool, [...ses].sort()]));
  }

  #forget(vsUuid: string): void {
    this.#closures.delete(vsUuid);
    this.#limited.delete(vsUuid);
  }

  #closureOf(vsUuid: string): Closure {
    const known = this.#closures.get(vsUuid);
    if (known !== undefined) return known;
    const ids = new Set<string>();
    const limited: string[] = [];
    const walk = (type: Translatable, uuid: string): void => {
      const id = `${type}/${uuid}`;
      if (ids.has(id)) return;
      ids.add(id);
      const { fragment, uses } = this.cache.get(type, uuid);
      if (fragment?.type === 'pool' && fragment.body.max_connections !== undefined) limited.push(uuid);
      for (const need of uses) if (need.type !== 'placement') walk(need.type, need.uuid);
    };
    walk('virtual_service', vsUuid);
    const closure = { ids, limited: limited.sort() };
    this.#closures.set(vsUuid, closure);
    if (limited.length > 0) this.#limited.add(vsUuid);
    return closure;
  }
}
