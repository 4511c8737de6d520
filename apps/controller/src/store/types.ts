import type { ConfigObject } from '../database/entities/index.js';

/** The content of an object as the API shows it, references as bare uuids, secrets sealed. */
export type Spec = Record<string, unknown>;

/** An object as it is stored. Never change one in place: they are shared by everybody who reads the cache. */
export interface StoredObject {
  readonly uuid: string;
  readonly kind: string;
  readonly name: string;
  readonly tenantUuid: string;
  /** The cloud of kinds whose names are unique per cloud, else empty. */
  readonly scopeUuid: string;
  readonly spec: Readonly<Spec>;
  /** The change that wrote this version. */
  readonly generation: number;
  /** Microseconds since 1970, as a decimal string. */
  readonly lastModified: string;
  readonly systemDefault: boolean;
}

export type ChangeType = 'created' | 'updated' | 'deleted';

/** One committed change. Kinds without objects (`placement`) appear too: their uuid is their row's id. */
export interface Change {
  readonly kind: string;
  readonly uuid: string;
  readonly change: ChangeType;
  readonly generation: number;
}

/** One reference from an object to another, with the dotted path of the field that holds it. */
export interface Referrer {
  readonly object: StoredObject;
  readonly path: string;
}

/** What can be asked of a consistent set of objects: the cache, or a transaction with its own writes on top. */
export interface ObjectView {
  get(uuid: string): StoredObject | undefined;
  /** The objects of a kind, in no promised order. */
  byKind(kind: string): Iterable<StoredObject>;
  /** Objects of that name; more than one where tenants or clouds differ. */
  byName(kind: string, name: string): readonly StoredObject[];
  /** Who refers to an object. */
  referrers(uuid: string): readonly Referrer[];
}

/** A row of the table; as JSON its numbers are numbers, else strings. */
export type ObjectRow = Omit<ConfigObject, 'generation' | 'last_modified'> & {
  generation: string | number;
  last_modified: string | number;
};

export function fromRow(row: ObjectRow): StoredObject {
  return {
    uuid: row.uuid,
    kind: row.kind,
    name: row.name,
    tenantUuid: row.tenant_uuid,
    scopeUuid: row.scope_uuid,
    spec: row.spec,
    generation: Number(row.generation),
    lastModified: String(row.last_modified),
    systemDefault: row.system_default,
  };
}
