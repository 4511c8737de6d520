import { parseAllDocuments, LineCounter } from 'yaml';
import type { Json } from './client.js';
import { CliError, EXIT } from './errors.js';
import { kindOf, refName } from './kinds.js';
import { text } from './text.js';

/** One object of a file: its kind, its name, and its fields as the API takes them. */
export interface Manifest {
  kind: string;
  name: string;
  spec: Json;
  /** `file:line`, for messages. */
  where: string;
}

/** Reads YAML (or JSON) with one or more documents; each has `kind`, `name`, and the fields of the object beside them. */
export function parseManifests(source: string, file: string): Manifest[] {
  const lines = new LineCounter();
  const manifests: Manifest[] = [];
  for (const document of parseAllDocuments(source, { lineCounter: lines })) {
    if (!('errors' in document)) continue;
    const error = document.errors[0];
    if (error !== undefined) throw new CliError(`${file}: ${error.message}`, EXIT.usage);
    const value = document.toJS() as unknown;
    if (value === null) continue;
    const where = `${file}:${lines.linePos(document.contents?.range?.[0] ?? document.range[0]).line}`;
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value])
      manifests.push(manifestOf(item, where));
  }
  return manifests;
}

function manifestOf(value: unknown, where: string): Manifest {
  if (typeof value !== 'object' || value === null)
    throw new CliError(`${where}: expected an object with kind and name`, EXIT.usage);
  const { kind, ...spec } = value as Json;
  if (typeof kind !== 'string')
    throw new CliError(`${where}: kind is missing, such as kind: pool`, EXIT.usage);
  if (typeof spec['name'] !== 'string') throw new CliError(`${where}: name is missing`, EXIT.usage);
  return { kind: kindOf(kind), name: spec['name'], spec, where };
}

/**
 * Orders manifests so that each comes after those it refers to. References are the fields that end in `_ref` or
 * `_refs`; those to objects outside the files are left to the server.
 */
export function inReferenceOrder(manifests: Manifest[]): Manifest[] {
  const byName = new Map<string, Manifest[]>();
  for (const m of manifests) byName.set(m.name, [...(byName.get(m.name) ?? []), m]);
  const ordered: Manifest[] = [];
  const state = new Map<Manifest, 'open' | 'done'>();
  const visit = (m: Manifest, path: Manifest[]): void => {
    if (state.get(m) === 'done') return;
    if (state.get(m) === 'open') {
      const circle = [...path.slice(path.indexOf(m)), m].map((x) => `${x.kind} ${x.name}`).join(' -> ');
      throw new CliError(`${m.where}: objects refer to each other in a circle: ${circle}`, EXIT.usage);
    }
    state.set(m, 'open');
    for (const { field, value } of referencesIn(m.spec))
      for (const target of byName.get(targetName(value)) ?? [])
        if (target !== m && fits(field, target.kind)) visit(target, [...path, m]);
    state.set(m, 'done');
    ordered.push(m);
  };
  for (const m of manifests) visit(m, []);
  return ordered;
}

/** `health_monitor_refs` fits the kind `healthmonitor`; a field whose name says nothing of the kind fits any. */
function fits(field: string, kind: string): boolean {
  const stem = field.replace(/_refs?$/, '').replaceAll('_', '');
  return stem === kind || stem.endsWith(kind) || SPOKEN[stem] === kind;
}

/** Reference fields whose name differs from the kind they point to. */
const SPOKEN: Record<string, string> = {
  segroup: 'serviceenginegroup',
  vrf: 'vrfcontext',
  sslkeyandcertificate: 'sslkeyandcertificate',
  httppolicyset: 'httppolicyset',
};

function targetName(ref: string): string {
  const byQuery = /[?&]name=([^&#]+)/.exec(ref);
  return byQuery?.[1] === undefined ? refName(ref) : decodeURIComponent(byQuery[1]);
}

/** Every string under a key that ends in `_ref` or `_refs`, at any depth. */
export function referencesIn(value: unknown): { field: string; value: string }[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value as Json).flatMap(([key, v]) => {
    if (!/_refs?$/.test(key)) return referencesIn(v);
    return (Array.isArray(v) ? (v as unknown[]) : [v])
      .filter((x): x is string => typeof x === 'string')
      .map((x) => ({ field: key, value: x }));
  });
}

/** Fields that the server fills in and a manifest need not repeat. */
const DERIVED = new Set([
  'uuid',
  'url',
  '_last_modified',
  'version',
  'vip',
  'vip_runtime',
  'virtualservices',
  'controller_created',
  'markers',
]);

/**
 * Whether the object already is what the manifest asks for: every field of the manifest has its value, and nothing
 * beyond it was set by somebody else.
 *
 * @param whole the object with all its fields
 * @param set the same without those that have their default (`skip_default`)
 */
export function isCurrent(spec: Json, whole: Json, set: Json): boolean {
  return (
    Object.keys(spec).every((key) => includes(whole[key], spec[key], key)) &&
    Object.entries(set).every(([key, value]) => isFilled(key, value) || covers(spec[key], value))
  );
}

/** What the server adds by itself: what it derives, and references to what the system made. */
const isFilled = (key: string, value: unknown): boolean =>
  DERIVED.has(key) || (key.endsWith('_ref') && /^(System-|Default-|global$|admin$)/.test(refName(value)));

/** Whether everything that is set is mentioned, whatever value it is given there. */
function covers(want: unknown, set: unknown): boolean {
  if (want === undefined) return false;
  if (Array.isArray(set)) return Array.isArray(want) && set.every((each, i) => covers(want[i], each));
  if (typeof set !== 'object' || set === null) return true;
  return Object.entries(set).every(
    ([key, value]) => isFilled(key, value) || covers((want as Json)[key], value),
  );
}

/** Whether `have` says what `want` says; references count as equal when they name the same object. */
function includes(have: unknown, want: unknown, key: string): boolean {
  if (/_refs?$/.test(key) && typeof want === 'string' && typeof have === 'string')
    return refName(have) === targetName(want) || have.split('#')[0] === want.split('#')[0];
  if (Array.isArray(want))
    return (
      Array.isArray(have) && have.length === want.length && want.every((w, i) => includes(have[i], w, key))
    );
  if (typeof want === 'object' && want !== null) {
    if (typeof have !== 'object' || have === null) return false;
    return Object.entries(want as Json).every(([k, w]) => includes((have as Json)[k], w, k));
  }
  return have === want || (have !== undefined && text(have) === text(want));
}
