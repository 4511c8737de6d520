import { fieldsOf, type Field } from '../facts.js';
import type { KindName } from '../generated/types.js';
import { hooksOf } from '../hooks/index.js';
import { kinds } from '../kinds.js';
import { foldPath, isObject, type Json } from '../walk.js';
import { COMMON } from './common.js';
import { HONOURED } from './kinds.js';
import { HONOURED_OF_TLS } from './tls.js';
import type { Mark } from './marks.js';

/** All marks of a kind, those that every kind shares included. */
export function marksOf(kind: KindName): readonly Mark[] {
  const fields = fieldsOf(kinds[kind].type);
  const shared = COMMON.map(({ proof, paths }) => ({ proof, paths: paths.filter((p) => fields.has(p)) }));
  return [
    ...shared.filter((mark) => mark.paths.length > 0),
    ...(HONOURED[kind] ?? []),
    ...(HONOURED_OF_TLS[kind] ?? []),
  ];
}

interface Index {
  readonly exact: ReadonlySet<string>;
  /** Every path that has a mark somewhere below it. */
  readonly above: ReadonlySet<string>;
}

const cache = new Map<KindName, Index>();

function indexOf(kind: KindName): Index {
  const known = cache.get(kind);
  if (known) return known;
  const exact = new Set(marksOf(kind).flatMap((mark) => mark.paths));
  const above = new Set<string>();
  for (const path of exact) {
    const steps = path.replace(/=.*$/, '').split('.');
    for (let n = 1; n < steps.length; n += 1) above.add(steps.slice(0, n).join('.').replace(/\[\]$/, ''));
    if (path.includes('=')) above.add(path.slice(0, path.indexOf('=')));
  }
  const index = { exact, above };
  cache.set(kind, index);
  return index;
}

export type Honour = 'honoured' | 'in part' | 'stored';

/** Whether something acts on a field: wholly, for some of its values or inner fields, or not at all. `path` is folded (`servers[].ratio`). */
export function honour(kind: KindName, path: string): Honour {
  const { exact, above } = indexOf(kind);
  const folded = foldPath(path);
  if (exact.has(folded)) return 'honoured';
  const steps = folded.split('.');
  for (let n = 1; n <= steps.length; n += 1) {
    const prefix = steps.slice(0, n).join('.');
    if (exact.has(`${prefix}.*`) || exact.has(`${prefix}[].*`)) return 'honoured';
  }
  return above.has(folded.replace(/\[\]$/, '')) ? 'in part' : 'stored';
}

/** Whether something acts on one value of a field. */
export function honoursValue(kind: KindName, path: string, value: unknown): boolean {
  return honour(kind, path) === 'honoured' || indexOf(kind).exact.has(`${foldPath(path)}=${String(value)}`);
}

/** The reference that the server itself fills in, however it is written. */
const FILLED_IN: Readonly<Record<string, RegExp>> = {
  analytics_profile_ref: /(^|[#=])System-Analytics-Profile$/,
};

/** A value that asks for nothing: the default, or what an absent field means. */
function asksForNothing(field: Field, value: unknown, filledIn: readonly string[]): boolean {
  if (typeof value === 'string' && FILLED_IN[field.name]?.test(value)) return true;
  if (
    typeof value === 'string' &&
    field.target !== undefined &&
    filledIn.some((uuid) => value.endsWith(uuid))
  )
    return true;
  if (field.facts.default !== undefined) return value === field.facts.default;
  return value === false || value === '';
}

/**
 * The folded paths of an object that are set, to other than their default, and that nothing acts on. A whole message
 * without effect is named once; a value without effect is named `field=VALUE`. `filledIn`: see `ParseOptions`.
 */
export function unhonouredPaths(kind: KindName, value: Json, filledIn: readonly string[] = []): string[] {
  const found = new Set<string>();
  const { unfill } = hooksOf(kind);
  collect(kind, kinds[kind].type, unfill ? unfill(value) : value, '', found, filledIn);
  return [...found];
}

function collect(
  kind: KindName,
  message: string,
  value: Json,
  prefix: string,
  found: Set<string>,
  filledIn: readonly string[],
): void {
  const fields = fieldsOf(message);
  for (const [name, held] of Object.entries(value)) {
    const field = fields.get(name);
    if (!field || field.facts.read_only) continue;
    const path = prefix + name;
    const state = honour(kind, path);
    if (state === 'honoured') continue;
    for (const one of field.repeated && Array.isArray(held) ? (held as unknown[]) : [held]) {
      if (field.nested !== undefined && isObject(one)) {
        const inner = new Set<string>();
        collect(kind, field.nested, one, `${path}${field.repeated ? '[]' : ''}.`, inner, filledIn);
        if (state === 'stored' && inner.size > 0) found.add(path);
        else for (const p of inner) found.add(p);
      } else if (!asksForNothing(field, one, filledIn)) {
        if (state === 'stored') found.add(path);
        else if (!honoursValue(kind, path, one)) found.add(`${path}=${String(one)}`);
      }
    }
  }
}
