/** One field that differs between two versions of an object. */
export interface FieldChange {
  /** Dotted path with indices, `servers.0.ratio`. */
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly old?: unknown;
  readonly new?: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const indexed = (list: readonly unknown[]): Record<string, unknown> => Object.fromEntries(list.entries());

/** What changed, field by field. Lists whose length changed are compared element by element too. */
export function diff(before: unknown, after: unknown, path = ''): FieldChange[] {
  if (before === after) return [];
  if (isObject(before) && isObject(after)) return entries(before, after, path);
  if (Array.isArray(before) && Array.isArray(after)) return entries(indexed(before), indexed(after), path);
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (before === undefined) return [{ path, change: 'added', new: after }];
  if (after === undefined) return [{ path, change: 'removed', old: before }];
  return [{ path, change: 'changed', old: before, new: after }];
}

function entries(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  path: string,
): FieldChange[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => diff(before[key], after[key], path === '' ? key : `${path}.${key}`));
}
