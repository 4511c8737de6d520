import type { ObjectView, StoredObject } from '../store/index.js';
import { textOf } from './text.js';
import type { FieldFilter, ListQuery, Search } from './list-query.js';

/** Which objects a list holds, in its order, before paging. */
export function selectObjects(
  candidates: Iterable<StoredObject>,
  query: Pick<ListQuery, 'filters' | 'searches' | 'sort' | 'refersTo' | 'referredBy'>,
  view: ObjectView,
): StoredObject[] {
  const referring = query.refersTo.map((uuid) => new Set(view.referrers(uuid).map((r) => r.object.uuid)));
  const selected: StoredObject[] = [];
  for (const object of candidates) {
    const keep =
      query.filters.every((f) => passes(f, object, view)) &&
      query.searches.every((s) => found(s, object)) &&
      referring.every((set) => set.has(object.uuid)) &&
      query.referredBy.every((user) => view.referrers(object.uuid).some((r) => r.object.uuid === user));
    if (keep) selected.push(object);
  }
  return selected.sort(compareBy(query.sort));
}

/** Every value at a path; lists are entered. `cloud_ref.name` follows the reference. */
export function valuesAt(object: StoredObject, path: readonly string[], view: ObjectView): unknown[] {
  const [head, ...rest] = path;
  if (head === undefined) return [];
  if (rest.length === 0) {
    if (head === 'uuid') return [object.uuid];
    if (head === 'name') return [object.name];
    if (head === '_last_modified') return [object.lastModified];
  }
  const spec = object.spec;
  if (head in spec) return enter(spec[head], head, rest, view);
  // `cloud=...`, `cloud_uuid=...`: by the name or the uuid of what `cloud_ref` refers to.
  const base = head.replace(/_uuid$/, '');
  const held =
    rest.length === 0
      ? (spec[`${base}_ref`] ?? (base === 'tenant' ? object.tenantUuid : undefined))
      : undefined;
  if (typeof held !== 'string') return [];
  return head.endsWith('_uuid') ? [held] : [held, ...named(held, view)];
}

const named = (uuid: string, view: ObjectView): string[] => {
  const target = view.get(uuid);
  return target ? [target.name] : [];
};

function enter(value: unknown, key: string, path: readonly string[], view: ObjectView): unknown[] {
  if (Array.isArray(value)) return value.flatMap((element) => enter(element, key, path, view));
  const [head, ...rest] = path;
  if (head === undefined) return [value];
  if (typeof value === 'string' && /_refs?$/.test(key)) {
    const target = view.get(value);
    return head === 'uuid' ? [value] : target ? valuesAt(target, path, view) : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return enter((value as Record<string, unknown>)[head], head, rest, view);
}

function passes(filter: FieldFilter, object: StoredObject, view: ObjectView): boolean {
  const isReference = /_refs?$/.test(filter.path.at(-1) ?? '');
  const wanted = isReference && filter.operator === 'equals' ? referenceText(filter.value) : filter.value;
  const values = valuesAt(object, filter.path, view)
    .filter((v) => v !== undefined && v !== null && typeof v !== 'object')
    .flatMap((v) => (isReference && typeof v === 'string' ? [v, ...named(v, view)] : [v]));
  const matches =
    filter.operator === 'ne'
      ? !values.some((v) => textOf(v) === wanted)
      : values.some((v) =>
          TESTS[filter.operator](textOf(v), typeof v === 'boolean' ? wanted.toLowerCase() : wanted),
        );
  return matches !== filter.negated;
}

/** `https://host/api/cloud/<uuid>#name` -> the uuid; `/api/cloud/?name=x` -> the name; else as it is. */
function referenceText(value: string): string {
  const path = /\/api\/[a-z0-9-]+\/?(?:\?(?<query>[^#]*)|(?<uuid>[^/?#]+))?/.exec(value);
  if (!path) return value;
  return path.groups?.['uuid'] ?? new URLSearchParams(path.groups?.['query'] ?? '').get('name') ?? value;
}

type Test = (text: string, wanted: string) => boolean;

const TESTS: Readonly<Record<FieldFilter['operator'], Test>> = {
  equals: (text, wanted) => text === wanted,
  iexact: (text, wanted) => text.toLowerCase() === wanted.toLowerCase(),
  contains: (text, wanted) => text.includes(wanted),
  icontains: (text, wanted) => text.toLowerCase().includes(wanted.toLowerCase()),
  startswith: (text, wanted) => text.startsWith(wanted),
  endswith: (text, wanted) => text.endsWith(wanted),
  in: (text, wanted) => wanted.split(',').some((w) => w.trim() === text),
  ne: (text, wanted) => text !== wanted,
  gt: (text, wanted) => Number(text) > Number(wanted),
  gte: (text, wanted) => Number(text) >= Number(wanted),
  lt: (text, wanted) => Number(text) < Number(wanted),
  lte: (text, wanted) => Number(text) <= Number(wanted),
};

function found(search: Search, object: StoredObject): boolean {
  const fold = (text: string): string => (search.caseSensitive ? text : text.toLowerCase());
  const wanted = fold(search.text);
  const root: unknown =
    search.field === undefined
      ? { ...object.spec, uuid: object.uuid }
      : search.field === 'uuid'
        ? object.uuid
        : object.spec[search.field];
  const inside = (value: unknown): boolean => {
    if (Array.isArray(value)) return value.some(inside);
    if (typeof value === 'object' && value !== null) return Object.values(value).some(inside);
    return value !== undefined && value !== null && fold(textOf(value)).includes(wanted);
  };
  return inside(root);
}

/** By the asked keys, then by name and uuid, so that pages never overlap. */
function compareBy(sort: ListQuery['sort']): (a: StoredObject, b: StoredObject) => number {
  return (a, b) => {
    for (const { path, descending } of sort) {
      const order = compareValues(sortValue(a, path), sortValue(b, path));
      if (order !== 0) return descending ? -order : order;
    }
    return compareValues(a.name, b.name) || compareValues(a.uuid, b.uuid);
  };
}

function sortValue(object: StoredObject, path: readonly string[]): unknown {
  if (path.length === 1 && path[0] === '_last_modified') return Number(object.lastModified);
  if (path.length === 1 && (path[0] === 'uuid' || path[0] === 'url')) return object.uuid;
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined,
    object.spec,
  );
}

function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [x, y] = [textOf(a), textOf(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
