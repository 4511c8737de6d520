import { heldReferences } from '../../store/references.js';
import type { ObjectView, Spec, StoredObject } from '../../store/index.js';

/** Kinds through which a virtual service reaches pools without naming them itself; a pool by its backup pool. */
const BETWEEN: ReadonlySet<string> = new Set([
  'pool',
  'poolgroup',
  'httppolicyset',
  'l4policyset',
  'vsdatascriptset',
]);

/** Kinds whose write may give a pool another user. */
export const POOL_USERS = ['virtualservice', ...BETWEEN] as const;

/** The virtual services that use an object, directly or through pool groups and policies. */
export function virtualServicesOf(view: ObjectView, uuid: string): StoredObject[] {
  const found = new Map<string, StoredObject>();
  const seen = new Set<string>();
  const climb = (target: string): void => {
    if (seen.has(target)) return;
    seen.add(target);
    for (const { object } of view.referrers(target)) {
      if (object.kind === 'virtualservice') found.set(object.uuid, object);
      else if (BETWEEN.has(object.kind)) climb(object.uuid);
    }
  };
  climb(uuid);
  return [...found.values()];
}

/** The pools that a spec reaches, directly or through pool groups, policies and as backup pools. */
export const poolsOf = (view: Pick<ObjectView, 'get'>, spec: Readonly<Spec>): Set<string> =>
  new Set(reached(view, spec).flatMap(({ kind, uuid }) => (kind === 'pool' ? [uuid] : [])));

/** The same with the pool groups on the way. */
export const poolsAndGroupsOf = (view: Pick<ObjectView, 'get'>, spec: Readonly<Spec>): StoredObject[] =>
  reached(view, spec).filter(({ kind }) => kind === 'pool' || kind === 'poolgroup');

function reached(view: Pick<ObjectView, 'get'>, spec: Readonly<Spec>): StoredObject[] {
  const found = new Map<string, StoredObject>();
  const descend = (held: Readonly<Spec>): void => {
    for (const { uuid } of heldReferences(held)) {
      const target = view.get(uuid);
      if (target === undefined || !BETWEEN.has(target.kind) || found.has(uuid)) continue;
      found.set(uuid, target);
      descend(target.spec);
    }
  };
  descend(spec);
  return [...found.values()];
}
