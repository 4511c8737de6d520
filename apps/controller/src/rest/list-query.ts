import { errors } from '../errors.js';

/** Parameters that are about the answer, not filters of fields. */
const RESERVED = new Set([
  'fields',
  'exclude',
  'sort',
  'search',
  'isearch',
  'page',
  'page_size',
  'limit_by',
  'include_name',
  'include_refs',
  'skip_default',
  'join_subresources',
  'refers_to',
  'referred_by',
  'strict',
  'include',
  'tenant',
  'tenant_uuid',
]);

const OPERATORS = [
  'contains',
  'icontains',
  'startswith',
  'endswith',
  'in',
  'iexact',
  'ne',
  'gt',
  'gte',
  'lt',
  'lte',
] as const;
export type Operator = (typeof OPERATORS)[number] | 'equals';

/** One filter of a field: `servers.ip.addr=10.0.0.1`, `name.icontains=web`. */
export interface FieldFilter {
  /** The parameter as it was written, which `exclude` names. */
  readonly parameter: string;
  readonly path: readonly string[];
  readonly operator: Operator;
  readonly value: string;
  readonly negated: boolean;
}

export interface Search {
  readonly text: string;
  /** Only in this field; undefined: in any. */
  readonly field: string | undefined;
  readonly caseSensitive: boolean;
}

export interface Representation {
  readonly includeName: boolean;
  readonly skipDefault: boolean;
  /** Undefined: all fields. */
  readonly fields: readonly string[] | undefined;
  readonly joinRuntime: boolean;
}

export interface ListQuery {
  readonly filters: readonly FieldFilter[];
  readonly searches: readonly Search[];
  readonly sort: readonly { readonly path: readonly string[]; readonly descending: boolean }[];
  readonly page: number;
  readonly pageSize: number;
  readonly limit: number | undefined;
  readonly refersTo: readonly string[];
  readonly referredBy: readonly string[];
  readonly representation: Representation;
}

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 200;

/** An empty value counts as true: `?include_name=`. */
export function flag(params: URLSearchParams, name: string): boolean {
  const value = params.get(name);
  return value !== null && !/^(false|0|no)$/i.test(value);
}

/** How objects are to be shown. */
export function parseRepresentation(params: URLSearchParams): Representation {
  const fields = commaList(params.getAll('fields'));
  return {
    includeName: flag(params, 'include_name') || flag(params, 'include_refs'),
    skipDefault: flag(params, 'skip_default'),
    fields: fields.length > 0 ? fields : undefined,
    joinRuntime: commaList(params.getAll('join_subresources')).some(
      (s) => s === 'runtime' || s.startsWith('runtime/'),
    ),
  };
}

/** Reads the query of a list. Refuses numbers out of range with a 400. */
export function parseListQuery(params: URLSearchParams): ListQuery {
  const excluded = new Set(commaList(params.getAll('exclude')));
  const limit = params.get('limit_by');
  return {
    filters: [...params].flatMap(([name, value]) =>
      RESERVED.has(name) ? [] : [fieldFilter(name, value, excluded)],
    ),
    searches: [
      ...params.getAll('search').flatMap((s) => parseSearch(s, true)),
      ...params.getAll('isearch').flatMap((s) => parseSearch(s, false)),
    ],
    sort: commaList(params.getAll('sort')).map((key) => ({
      path: key.replace(/^[-+]/, '').split('.'),
      descending: key.startsWith('-'),
    })),
    page: whole(params, 'page', 1, 1, 1_000_000),
    pageSize: whole(params, 'page_size', DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE),
    limit: limit === null || limit === '' ? undefined : whole(params, 'limit_by', 0, 0, 1_000_000),
    refersTo: params.getAll('refers_to').map(uuidOfPair),
    referredBy: params.getAll('referred_by').map(uuidOfPair),
    representation: parseRepresentation(params),
  };
}

function fieldFilter(parameter: string, value: string, excluded: ReadonlySet<string>): FieldFilter {
  const steps = parameter.split('.');
  const last = steps.at(-1);
  const operator = steps.length > 1 ? OPERATORS.find((o) => o === last) : undefined;
  return {
    parameter,
    path: operator ? steps.slice(0, -1) : steps,
    operator: operator ?? 'equals',
    value,
    negated: excluded.has(parameter),
  };
}

/** `LEAST_CONN`, or `(name,Vs-Pool-)` for one field. */
function parseSearch(text: string, caseSensitive: boolean): Search[] {
  if (text === '') return [];
  const pair = /^\(([^,()]+),(.*)\)$/s.exec(text);
  return [{ text: pair?.[2] ?? text, field: pair?.[1]?.trim(), caseSensitive }];
}

/** `pool:<uuid>` -> the uuid. */
function uuidOfPair(pair: string): string {
  const colon = pair.indexOf(':');
  return colon < 0 ? pair : pair.slice(colon + 1);
}

function commaList(values: readonly string[]): string[] {
  return values
    .flatMap((v) => v.split(','))
    .map((v) => v.trim())
    .filter((v) => v !== '');
}

function whole(params: URLSearchParams, name: string, byDefault: number, min: number, max: number): number {
  const text = params.get(name);
  if (text === null || text === '') return byDefault;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw errors.badRequest(
    'PARAMETER_INVALID',
    `Parameter ${name}: "${text}" is not allowed. Set it to a whole number from ${min} to ${max}.`,
    { field: name, value: text },
  );
}
