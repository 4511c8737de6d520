/** A reference that an object holds; `uuid` is its target. */
export interface HeldReference {
  /** Dotted path with indices, `health_monitor_refs.0`. */
  readonly path: string;
  readonly uuid: string;
  /** The kind that the uuid names: all before its first hyphen, or empty for fixed uuids such as `admin`. */
  readonly kind: string;
}

/** Every reference in a spec: strings under keys that end in `_ref` or `_refs`, at any depth. */
export function heldReferences(spec: Readonly<Record<string, unknown>>): HeldReference[] {
  const found: HeldReference[] = [];
  visit(spec, '', false, found);
  return found;
}

function visit(value: unknown, path: string, isReference: boolean, found: HeldReference[]): void {
  if (typeof value === 'string') {
    if (isReference && value !== '') found.push({ path, uuid: value, kind: kindOfUuid(value) });
  } else if (Array.isArray(value)) {
    value.forEach((element, i) =>
      visit(element, path === '' ? String(i) : `${path}.${i}`, isReference, found),
    );
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, held] of Object.entries(value))
      visit(held, path === '' ? key : `${path}.${key}`, /_refs?$/.test(key), found);
  }
}

/** `pool-6f…` -> `pool`; empty for uuids that do not carry their kind. */
export function kindOfUuid(uuid: string): string {
  const dash = uuid.indexOf('-');
  return dash > 0 ? uuid.slice(0, dash) : '';
}
