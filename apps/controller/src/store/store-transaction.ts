import { randomUUID } from 'node:crypto';
import { isKind, kinds } from '@spillway/model';
import type { EntityManager } from 'typeorm';
import { errors } from '../errors.js';
import { nextGeneration } from './generation.js';
import { identityOf } from './identity-of.js';
import { ObjectIndex } from './object-index.js';
import { heldReferences } from './references.js';
import type { SecretBox } from './secret-box.js';
import type { ChangeType, ObjectView, Referrer, Spec, StoredObject } from './types.js';

export interface NewObject {
  /** A uuid to use instead of a new one. */
  readonly uuid?: string;
  /** Seeded: cannot be deleted. */
  readonly systemDefault?: boolean;
}

const UPSERT = `
INSERT INTO "object" (uuid, kind, tenant_uuid, scope_uuid, name, spec, generation, last_modified, system_default)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (uuid) DO UPDATE SET tenant_uuid = $3, scope_uuid = $4, name = $5, spec = $6, generation = $7,
  last_modified = $8, system_default = $9`;

const REFERENCES = `
INSERT INTO object_reference (from_uuid, path, from_kind, to_uuid, to_kind)
SELECT $1, r.path, $2, r.uuid, r.kind FROM jsonb_to_recordset($3::jsonb) AS r(path text, uuid text, kind text)`;

/** Writes of one transaction, and a view of all objects with those writes in it. */
export class StoreTransaction implements ObjectView {
  private readonly written = new ObjectIndex();
  private readonly removed = new Set<string>();
  private newest = 0;

  constructor(
    /** For other rows that belong to the same change. */
    readonly manager: EntityManager,
    private readonly committed: ObjectView,
    private readonly secrets: SecretBox,
  ) {}

  /** The generation of the newest write; 0 before the first. */
  get generation(): number {
    return this.newest;
  }

  get(uuid: string): StoredObject | undefined {
    if (this.removed.has(uuid)) return undefined;
    return this.written.get(uuid) ?? this.committed.get(uuid);
  }

  *byKind(kind: string): Iterable<StoredObject> {
    for (const object of this.committed.byKind(kind)) if (!this.isOverlaid(object.uuid)) yield object;
    yield* this.written.byKind(kind);
  }

  byName(kind: string, name: string): readonly StoredObject[] {
    const before = this.committed.byName(kind, name).filter((o) => !this.isOverlaid(o.uuid));
    return [...before, ...this.written.byName(kind, name)];
  }

  referrers(uuid: string): readonly Referrer[] {
    const before = this.committed.referrers(uuid).filter((r) => !this.isOverlaid(r.object.uuid));
    return [...before, ...this.written.referrers(uuid)];
  }

  /** Writes a new object. The spec is what the API stores: valid, defaults filled, references as uuids. */
  async create(kind: string, spec: Spec, options: NewObject = {}): Promise<StoredObject> {
    const uuid = options.uuid ?? `${kind}-${randomUUID()}`;
    if (this.get(uuid)) {
      throw errors.badRequest('UUID_TAKEN', `uuid ${uuid} is taken: leave it out to get a new one`);
    }
    return this.write(kind, uuid, spec, options.systemDefault ?? false, 'created');
  }

  /** Replaces the spec of an object. */
  async replace(kind: string, uuid: string, spec: Spec): Promise<StoredObject> {
    const before = this.existing(kind, uuid);
    return this.write(kind, uuid, spec, before.systemDefault, 'updated');
  }

  /** Deletes an object that nobody refers to. */
  async remove(kind: string, uuid: string): Promise<void> {
    const object = this.existing(kind, uuid);
    if (object.systemDefault) throw errors.systemDefault();
    const users = this.referrers(uuid).filter((r) => r.object.uuid !== uuid);
    if (users.length > 0) throw errors.inUse([...new Set(users.map((r) => label(r.object)))]);
    await this.manager.query('DELETE FROM "object" WHERE uuid = $1', [uuid]);
    await this.manager.query('DELETE FROM object_reference WHERE from_uuid = $1', [uuid]);
    this.newest = await nextGeneration(this.manager, kind, uuid, 'deleted');
    this.written.drop(uuid);
    this.removed.add(uuid);
  }

  /** Records a change of something that is delivered and is not an object (`placement`). Answers its generation. */
  async touch(kind: string, uuid: string, change: ChangeType): Promise<number> {
    this.newest = await nextGeneration(this.manager, kind, uuid, change);
    return this.newest;
  }

  private existing(kind: string, uuid: string): StoredObject {
    const object = this.get(uuid);
    if (!object || object.kind !== kind) throw errors.notFound(typeOf(kind));
    return object;
  }

  private async write(
    kind: string,
    uuid: string,
    open: Spec,
    systemDefault: boolean,
    change: 'created' | 'updated',
  ): Promise<StoredObject> {
    const spec = this.secrets.sealSpec(kind, uuid, open);
    const identity = identityOf(isKind(kind) ? kinds[kind].scope : 'system', spec);
    this.refuseTakenName(kind, uuid, identity);
    const generation = await nextGeneration(this.manager, kind, uuid, change);
    const lastModified = String(Math.max(Date.now() * 1000, Number(this.get(uuid)?.lastModified ?? 0) + 1));
    const object: StoredObject = { uuid, kind, ...identity, spec, generation, lastModified, systemDefault };
    await this.manager.query(UPSERT, [
      uuid,
      kind,
      object.tenantUuid,
      object.scopeUuid,
      object.name,
      JSON.stringify(spec),
      generation,
      lastModified,
      systemDefault,
    ]);
    await this.writeReferences(object, this.get(uuid));
    this.newest = generation;
    this.removed.delete(uuid);
    this.written.put(object);
    return object;
  }

  private async writeReferences(object: StoredObject, before: StoredObject | undefined): Promise<void> {
    const had = JSON.stringify(before ? heldReferences(before.spec) : []);
    const has = JSON.stringify(heldReferences(object.spec));
    if (had === has) return;
    if (had !== '[]')
      await this.manager.query('DELETE FROM object_reference WHERE from_uuid = $1', [object.uuid]);
    if (has !== '[]') await this.manager.query(REFERENCES, [object.uuid, object.kind, has]);
  }

  private refuseTakenName(
    kind: string,
    uuid: string,
    identity: { name: string; tenantUuid: string; scopeUuid: string },
  ): void {
    const taken = this.byName(kind, identity.name).some(
      (o) => o.uuid !== uuid && o.tenantUuid === identity.tenantUuid && o.scopeUuid === identity.scopeUuid,
    );
    if (taken) throw nameTaken(kind, identity.name);
  }

  private isOverlaid(uuid: string): boolean {
    return this.removed.has(uuid) || this.written.get(uuid) !== undefined;
  }
}

const typeOf = (kind: string): string => (isKind(kind) ? kinds[kind].type : kind);

const label = (object: StoredObject): string => `${typeOf(object.kind)} ${object.name}`;

const WORDS: Readonly<Record<string, string>> = {
  name: 'Name',
  tenant_ref: 'Tenant ref',
  cloud_ref: 'Cloud ref',
};

/** `Pool with this Name, Tenant ref and Cloud ref already exists.` */
function nameTaken(kind: string, name: string): Error {
  const by = (isKind(kind) ? kinds[kind].uniqueBy : ['name']).map((field) => WORDS[field] ?? field);
  const list = by.length > 1 ? `${by.slice(0, -1).join(', ')} and ${by.at(-1)}` : by[0];
  return errors.conflict(`${sentenceCase(typeOf(kind))} with this ${list} already exists.`, name);
}

/** `VrfContext` -> `Vrf context`, as the published API spells it. */
function sentenceCase(type: string): string {
  const words = type.replaceAll(/([a-z])([A-Z])/g, '$1 $2');
  return (
    words.charAt(0) + words.slice(1).replaceAll(/ ([A-Z])(?=[a-z])/g, (_, c: string) => ` ${c.toLowerCase()}`)
  );
}
