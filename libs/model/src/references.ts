import type { KindName } from './generated/types.js';
import { kinds } from './kinds.js';
import { mapMessages, walk, type Json } from './walk.js';

/** One reference that an object holds. */
export interface Reference {
  /** `servers[0].nw_ref` */
  readonly path: string;
  /** The path name of what it points to; it may be a kind that this system does not have. */
  readonly targetKind: string;
  /** As it is written in the object. */
  readonly value: string;
}

/** Every reference in an object, at any depth, in the order of its fields. */
export function references(kind: KindName, value: object): Reference[] {
  const found: Reference[] = [];
  walk(kinds[kind].type, value as Json, ({ field, path, value: held }) => {
    if (field.target !== undefined && typeof held === 'string') {
      found.push({ path, targetKind: field.target, value: held });
    }
  });
  return found;
}

/** A copy with every reference rewritten; where `fn` gives undefined the reference is left out. */
export function mapReferences<T extends object>(
  kind: KindName,
  value: T,
  fn: (reference: Reference) => string | undefined,
): T {
  const copy = structuredClone(value);
  const holes: (() => void)[] = [];
  walk(kinds[kind].type, copy as Json, ({ field, path, value: held, holder, key }) => {
    if (field.target === undefined || typeof held !== 'string') return;
    const mapped = fn({ path, targetKind: field.target, value: held });
    if (mapped !== undefined) (holder as Json)[key] = mapped;
    else holes.push(() => remove(holder, key));
  });
  // Last to first, so that the indices of a list still hold.
  for (const drop of holes.toReversed()) drop();
  return (holes.length === 0 ? copy : mapMessages(kinds[kind].type, copy as Json, withoutEmptyLists)) as T;
}

const withoutEmptyLists = (_message: string, value: Json): Json =>
  Object.fromEntries(Object.entries(value).filter(([, held]) => !(Array.isArray(held) && held.length === 0)));

function remove(holder: Json | unknown[], key: string | number): void {
  if (Array.isArray(holder)) holder.splice(key as number, 1);
  else delete holder[key];
}
