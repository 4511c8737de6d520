import type { ObjectCache, StoredObject } from '../store/index.js';
import { heldReferences } from '../store/references.js';

/** Kinds through which a virtual service reaches pools without naming them itself; a pool by its backup pool. */
const BETWEEN: ReadonlySet<string> = new Set(['pool', 'poolgroup', 'httppolicyset', 'l4policyset']);

/** What an object refers to, by its version: a policy set may have thousands of rules. */
const targets = new WeakMap<StoredObject, readonly string[]>();

function targetsOf(object: StoredObject): readonly string[] {
  const known = targets.get(object);
  if (known !== undefined) return known;
  const found = [...new Set(heldReferences(object.spec).map(({ uuid }) => uuid))];
  targets.set(object, found);
  return found;
}

/**
 * The pools that requests of a virtual service may go to: its own, those of its pool group and of its policies, and
 * the backup pools of all of them.
 */
export function poolsOf(cache: Pick<ObjectCache, 'get'>, vs: StoredObject): string[] {
  const pools = new Set<string>();
  const seen = new Set<string>();
  const descend = (held: StoredObject): void => {
    for (const uuid of targetsOf(held)) {
      const target = cache.get(uuid);
      if (target === undefined || !BETWEEN.has(target.kind) || seen.has(uuid)) continue;
      seen.add(uuid);
      if (target.kind === 'pool') pools.add(uuid);
      descend(target);
    }
  };
  descend(vs);
  return [...pools];
}

/** The virtual services that use a pool. */
export function usersOf(cache: Pick<ObjectCache, 'referrers'>, poolUuid: string): StoredObject[] {
  const found = new Map<string, StoredObject>();
  const seen = new Set<string>();
  const climb = (uuid: string): void => {
    if (seen.has(uuid)) return;
    seen.add(uuid);
    for (const { object } of cache.referrers(uuid)) {
      if (object.kind === 'virtualservice') found.set(object.uuid, object);
      else if (BETWEEN.has(object.kind)) climb(object.uuid);
    }
  };
  climb(poolUuid);
  return [...found.values()];
}
