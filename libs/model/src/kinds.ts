import { fieldsOf } from './facts.js';
import { KIND_TYPES, type KindName } from './generated/types.js';
import { secretPaths } from './secrets.js';

/** Where a name has to be unique, and what an object belongs to. */
export type Scope = 'system' | 'tenant' | 'cloud';

/** One kind of object of the API. */
export interface Kind {
  /** The path name, `pool` in `/api/pool`. */
  readonly kind: KindName;
  /** The published type name, `Pool`; error texts use it. */
  readonly type: string;
  /** `system`: one for the whole system; `tenant`: belongs to a tenant; `cloud`: belongs to a tenant and to a cloud. */
  readonly scope: Scope;
  /** The fields that make a name unique. */
  readonly uniqueBy: readonly string[];
  /** There is exactly one, without a uuid in its path; GET and PUT only. */
  readonly singleton: boolean;
  /** Dotted paths of what is never shown again (`[]` for each element). */
  readonly secretFields: readonly string[];
  /** A uuid is this, a hyphen and a UUID v4. */
  readonly uuidPrefix: string;
}

const SINGLETONS: ReadonlySet<KindName> = new Set([
  'systemconfiguration',
  'controllerproperties',
  'seproperties',
  'cluster',
]);
/** They carry a tenant_ref, and yet there is one name space for the system. */
const SYSTEM_WIDE: ReadonlySet<KindName> = new Set(['tenant', 'user', 'cloud', ...SINGLETONS]);

const UNIQUE_BY: Readonly<Record<Scope, readonly string[]>> = {
  system: ['name'],
  tenant: ['name', 'tenant_ref'],
  cloud: ['name', 'tenant_ref', 'cloud_ref'],
};

function describe(kind: KindName): Kind {
  const type = KIND_TYPES[kind];
  const cloudBound = fieldsOf(type).has('cloud_ref');
  const scope: Scope = SYSTEM_WIDE.has(kind) ? 'system' : cloudBound ? 'cloud' : 'tenant';
  return {
    kind,
    type,
    scope,
    uniqueBy: UNIQUE_BY[scope],
    singleton: SINGLETONS.has(kind),
    secretFields: secretPaths(type),
    uuidPrefix: kind,
  };
}

/** Every kind by its path name. */
export const kinds: Readonly<Record<KindName, Kind>> = Object.fromEntries(
  kindNames().map((kind) => [kind, describe(kind)]),
) as Record<KindName, Kind>;

/** The path names of all kinds, in alphabetical order. */
export function kindNames(): KindName[] {
  return Object.keys(KIND_TYPES) as KindName[];
}

/** Whether a path segment names a kind. */
export function isKind(name: string): name is KindName {
  return Object.hasOwn(KIND_TYPES, name);
}

/** The kind of a published type name (`Pool` -> `pool`), in any case; undefined when there is none. */
export function kindOfType(type: string): KindName | undefined {
  const name = type.toLowerCase();
  return isKind(name) ? name : undefined;
}
