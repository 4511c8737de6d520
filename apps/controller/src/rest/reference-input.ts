/** What a client wrote for a reference. */
export interface ReferenceInput {
  /** The kind that the path names, if it names one. */
  readonly kind: string | undefined;
  readonly uuid: string | undefined;
  readonly name: string | undefined;
  /** `tenant=` of a query, a name. */
  readonly tenant: string | undefined;
  readonly cloud: string | undefined;
}

/**
 * Reads a reference in any of its forms: `https://host/api/pool/<uuid>#name`, `/api/pool/<uuid>`,
 * `/api/pool?name=foo`, `/api/pool/?name=foo&tenant=t`, a uuid, or a bare name. A bare text is both uuid and name
 * until it is looked up. Text that is none of them is a name too.
 */
export function parseReference(text: string): ReferenceInput {
  const path = /(?:^|\/)api\/(?<kind>[a-z0-9-]+)\/?(?<rest>.*)$/is.exec(text);
  if (!path?.groups) return { kind: undefined, uuid: text, name: text, tenant: undefined, cloud: undefined };
  const kind = path.groups['kind']?.toLowerCase();
  const rest = path.groups['rest'] ?? '';
  if (rest.startsWith('?')) return fromQuery(kind, rest);
  const uuid = (rest.split('#')[0] ?? '').split('?')[0]?.replace(/\/+$/, '');
  return {
    kind,
    uuid: uuid === undefined || uuid === '' ? undefined : decode(uuid),
    name: undefined,
    tenant: undefined,
    cloud: undefined,
  };
}

function fromQuery(kind: string | undefined, query: string): ReferenceInput {
  // A fragment may follow the query; a name may hold a '#' only escaped.
  const params = new URLSearchParams(query.split('#')[0]);
  const get = (key: string): string | undefined => params.get(key) ?? undefined;
  return {
    kind,
    uuid: get('uuid'),
    name: get('name'),
    tenant: get('tenant'),
    cloud: get('cloud') ?? get('cloud_ref.name'),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
