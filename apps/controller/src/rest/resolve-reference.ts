import type { ObjectView, StoredObject } from '../store/index.js';
import { parseReference } from './reference-input.js';

/** Where a name is looked for. */
export interface ReferenceScope {
  /** The tenant of the object that refers; objects of `admin` that everybody shares come after. */
  readonly tenantUuid: string;
  /** The cloud of the object that refers, for names that are unique per cloud. */
  readonly cloudUuid: string | undefined;
}

export type Resolution =
  | { readonly found: StoredObject }
  | { readonly problem: 'none' }
  | { readonly problem: 'kind'; readonly kind: string }
  | { readonly problem: 'ambiguous'; readonly candidates: readonly StoredObject[] };

/** Finds what a reference stands for. `sees` tells whether the referring tenant may use an object. */
export function resolveReference(
  text: string,
  targetKind: string,
  scope: ReferenceScope,
  view: ObjectView,
  sees: (object: StoredObject) => boolean,
): Resolution {
  const input = parseReference(text);
  if (input.kind !== undefined && input.kind !== targetKind) return { problem: 'kind', kind: input.kind };
  const direct = input.uuid === undefined ? undefined : view.get(input.uuid);
  if (direct?.kind === targetKind && sees(direct)) return { found: direct };
  if (input.name === undefined) return { problem: 'none' };
  const named = view.byName(targetKind, input.name).filter(sees).filter(inNamed(input, view));
  const [first, ...others] = mostSpecific(named, scope);
  if (!first) return { problem: 'none' };
  return others.length === 0 ? { found: first } : { problem: 'ambiguous', candidates: [first, ...others] };
}

/** Keeps what lies in the tenant and cloud that the reference itself names. */
function inNamed(
  input: { readonly tenant: string | undefined; readonly cloud: string | undefined },
  view: ObjectView,
): (object: StoredObject) => boolean {
  const is = (uuid: string, wanted: string | undefined): boolean =>
    wanted === undefined || uuid === wanted || view.get(uuid)?.name === wanted;
  return (object) =>
    is(object.tenantUuid, input.tenant) && (object.scopeUuid === '' || is(object.scopeUuid, input.cloud));
}

/** Own tenant before shared ones, own cloud before others. */
function mostSpecific(objects: readonly StoredObject[], scope: ReferenceScope): readonly StoredObject[] {
  const own = objects.filter((o) => o.tenantUuid === scope.tenantUuid);
  const nearest = own.length > 0 ? own : objects;
  const sameCloud = nearest.filter((o) => o.scopeUuid !== '' && o.scopeUuid === scope.cloudUuid);
  return sameCloud.length > 0 ? sameCloud : nearest;
}
