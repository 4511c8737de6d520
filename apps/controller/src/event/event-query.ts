import { errors } from '../errors.js';

/** What events a request asks for. */
export interface EventQuery {
  readonly conditions: readonly Condition[];
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  readonly search: string | undefined;
  readonly page: number;
  readonly pageSize: number;
  readonly ascending: boolean;
}

export type Operator = 'eq' | 'ne' | 'co' | 'nc' | 'sw' | 'in';

export interface Condition {
  readonly column: string;
  readonly operator: Operator;
  readonly value: string;
}

/** Names of fields in requests, to columns. */
const COLUMNS: Readonly<Record<string, string>> = {
  event_id: 'event_id',
  obj_type: 'obj_type',
  obj_uuid: 'obj_uuid',
  obj_name: 'obj_name',
  user_name: 'user_name',
  user: 'user_name',
  description: 'description',
  event_description: 'description',
};
/** Parameters of the published log query that name one object. */
const OBJECTS = ['virtualservice', 'pool', 'serviceengine', 'serviceenginegroup'];
const OPERATORS: ReadonlySet<string> = new Set(['eq', 'ne', 'co', 'nc', 'sw', 'in']);
const MOST_PAGE = 10_000;

const invalid = (name: string, value: string, remedy: string): Error =>
  errors.badRequest('PARAMETER_INVALID', `Parameter ${name}: "${value}" is not allowed. ${remedy}`, {
    field: name,
    value,
  });

function whole(params: URLSearchParams, name: string, byDefault: number, most: number): number {
  const text = params.get(name);
  if (text === null || text === '') return byDefault;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw invalid(name, text, `Set it to a whole number from 1 to ${most}.`);
  return value;
}

function time(params: URLSearchParams, name: string): Date | undefined {
  const text = params.get(name);
  if (text === null || text === '') return undefined;
  const at = new Date(/^\d+$/.test(text) ? Number(text) * 1000 : text);
  if (Number.isNaN(at.getTime())) throw invalid(name, text, 'Give an ISO 8601 time or seconds since 1970.');
  return at;
}

/** `eq(event_id,VS_UP)` of the published log query. */
function filterOf(text: string): Condition {
  const parts = /^(\w+)\((\w+),(.*)\)$/s.exec(text);
  const column = COLUMNS[parts?.[2] ?? ''];
  const operator = parts?.[1] ?? '';
  if (parts === null || column === undefined || !OPERATORS.has(operator))
    throw invalid(
      'filter',
      text,
      `Write operator(field,value) with one of ${[...OPERATORS].join(', ')} and one of ${Object.keys(COLUMNS).join(', ')}.`,
    );
  return { column, operator: operator as Operator, value: parts[3] ?? '' };
}

/** Reads the query of `/api/event` and of `/api/analytics/logs?type=2`. */
export function parseEventQuery(params: URLSearchParams, now = new Date()): EventQuery {
  const conditions: Condition[] = params.getAll('filter').map(filterOf);
  for (const [name, value] of params) {
    const [field = '', suffix] = name.split('.');
    const column = COLUMNS[field];
    if (column !== undefined)
      conditions.push({
        column,
        operator:
          suffix === 'in'
            ? 'in'
            : suffix?.endsWith('contains') === true
              ? 'co'
              : suffix === 'ne'
                ? 'ne'
                : 'eq',
        value,
      });
    if (OBJECTS.includes(name)) conditions.push({ column: 'obj_uuid', operator: 'eq', value });
  }
  const end = time(params, 'end') ?? time(params, 'stop');
  const duration = params.get('duration');
  if (duration !== null && duration !== '' && !/^\d{1,9}$/.test(duration))
    throw invalid('duration', duration, 'Give seconds.');
  const start =
    time(params, 'start') ??
    (duration ? new Date((end ?? now).getTime() - Number(duration) * 1000) : undefined);
  return {
    conditions,
    from: start,
    to: end,
    search: params.get('search') ?? params.get('isearch') ?? undefined,
    page: whole(params, 'page', 1, 999_999),
    pageSize: whole(params, 'page_size', 100, MOST_PAGE),
    ascending: params.get('orderby') === 'report_timestamp' || params.get('sort') === 'at',
  };
}
