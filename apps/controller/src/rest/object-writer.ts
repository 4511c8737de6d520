import { Injectable } from '@nestjs/common';
import {
  applyDefaults,
  checkRules,
  fieldsOf,
  keepSecrets,
  kinds,
  mapReferences,
  parseObject,
  type FieldError,
  type KindName,
  type Parsed,
} from '@spillway/model';
import { ApiError, errors } from '../errors.js';
import {
  HookRegistry,
  isSealed,
  type ObjectView,
  type Prepared,
  type Spec,
  type StoredObject,
  type StoreTransaction,
} from '../store/index.js';
import { seedUuid } from '../seed/seed-uuid.js';
import { fieldErrors, FieldReport } from './field-report.js';
import { resolveReference, type Resolution } from './resolve-reference.js';
import { fillReferences } from './server-defaults.js';
import { textOf } from './text.js';
import { visibleInTenant } from './visibility.js';

/** Who writes and how strictly. */
export interface Writing {
  readonly userName: string;
  readonly tenantUuid: string;
  readonly strict: boolean;
  readonly report: FieldReport;
  /** Refuses where the user may not write this kind in this tenant. */
  allow(kind: string, tenantUuid: string): void;
}

/** A body that was read: known fields only, in canonical form. */
export interface ReadBody {
  readonly kind: KindName;
  readonly spec: Spec;
  readonly uuid: string | undefined;
  readonly lastModified: string | undefined;
  readonly effects: readonly NonNullable<Prepared['after']>[];
}

/** A client that sends back what it read has not asked for what the server filled in without effect. */
const FILLED_IN = [seedUuid('analyticsprofile', 'System-Analytics-Profile')];

const asSpec = (value: unknown): Spec => value as Spec;

/** Turns what a client sent into stored objects: parse, resolve references, fill, check, run hooks, write. */
@Injectable()
export class ObjectWriter {
  constructor(private readonly hooks: HookRegistry) {}

  /** Parses a body. Runs before the transaction, with the slow work of hooks. */
  async read(kind: KindName, body: unknown, writing: Writing, before?: StoredObject): Promise<ReadBody> {
    const parsed: Parsed<unknown> = parseObject(kind, body, {
      strict: writing.strict,
      filledIn: FILLED_IN,
    });
    writing.report.add(parsed);
    if (parsed.errors.length > 0) throw fieldErrors(parsed.errors);
    const sent = asSpec(parsed.value);
    refuseSealed(kind, sent);
    let spec = before ? asSpec(keepSecrets(kind, before.spec, sent)) : sent;
    const effects: NonNullable<Prepared['after']>[] = [];
    for (const hook of this.hooks.of(kind)) {
      const prepared = await hook.prepare?.(spec, before);
      spec = prepared?.spec ?? spec;
      if (prepared?.after) effects.push(prepared.after);
    }
    return { kind, spec, uuid: parsed.uuid, lastModified: parsed.lastModified, effects };
  }

  /** Writes a new object. */
  async create(tx: StoreTransaction, body: ReadBody, writing: Writing, uuid?: string): Promise<StoredObject> {
    const spec = await this.complete(tx, body, writing, undefined);
    const object = await tx.create(body.kind, spec, uuid === undefined ? {} : { uuid });
    await this.after(tx, object, undefined, body, writing);
    return object;
  }

  /** Replaces an object wholly. A body with an old `_last_modified` is refused with 412. */
  async replace(tx: StoreTransaction, uuid: string, body: ReadBody, writing: Writing): Promise<StoredObject> {
    const before = tx.get(uuid);
    if (!before || before.kind !== body.kind) throw errors.notFound(kinds[body.kind].type);
    if (body.lastModified !== undefined && body.lastModified !== before.lastModified)
      throw errors.concurrentUpdate(kinds[body.kind].type);
    writing.allow(body.kind, before.tenantUuid);
    const spec = await this.complete(tx, body, writing, before);
    const object = await tx.replace(body.kind, uuid, spec);
    await this.after(tx, object, before, body, writing);
    return object;
  }

  async remove(tx: StoreTransaction, kind: KindName, uuid: string, writing: Writing): Promise<void> {
    const object = tx.get(uuid);
    if (!object || object.kind !== kind) throw errors.notFound(kinds[kind].type);
    writing.allow(kind, object.tenantUuid);
    if (object.systemDefault) throw errors.systemDefault();
    for (const hook of this.hooks.of(kind)) await hook.beforeRemove?.(tx, object, writing);
    await tx.remove(kind, uuid);
    await this.hooks.afterRemove(tx, object, writing);
  }

  private async complete(
    tx: StoreTransaction,
    body: ReadBody,
    writing: Writing,
    before: StoredObject | undefined,
  ): Promise<Spec> {
    const { kind } = body;
    const placed = keepCloud(this.inTenant(tx, body, writing, before), before);
    const resolved = resolveAll(kind, placed, tx);
    const filled = asSpec(applyDefaults(kind, fillReferences(kind, resolved, tx) as never));
    if (before) refuseMove(kind, before, filled);
    let spec = filled;
    for (const hook of this.hooks.of(kind))
      if (hook.beforeWrite) spec = await hook.beforeWrite(tx, { kind, before, spec }, writing);
    const refused = checkRules(kind, spec as never, {
      ...(before ? { previous: before.spec as never } : {}),
      lookup: ((_kind: KindName, reference: string) => tx.get(reference)?.spec) as never,
      system: systemOf(tx) as never,
    });
    if (refused.length > 0) throw fieldErrors(refused);
    return asSpec(applyDefaults(kind, spec as never));
  }

  /** The tenant of a new object, and whether the user may write there. */
  private inTenant(
    view: ObjectView,
    body: ReadBody,
    writing: Writing,
    before: StoredObject | undefined,
  ): Spec {
    const { kind, spec } = body;
    if (!fieldsOf(kinds[kind].type).has('tenant_ref')) {
      if (!before) writing.allow(kind, 'admin');
      return spec;
    }
    const given = spec['tenant_ref'];
    if (typeof given !== 'string' || given === '') {
      const tenantUuid = before?.tenantUuid ?? writing.tenantUuid;
      if (!before) writing.allow(kind, kinds[kind].scope === 'system' ? 'admin' : tenantUuid);
      return { ...spec, tenant_ref: tenantUuid };
    }
    const found = resolveReference(
      given,
      'tenant',
      { tenantUuid: 'admin', cloudUuid: undefined },
      view,
      () => true,
    );
    if (!('found' in found)) throw fieldErrors([unresolved('tenant_ref', 'tenant', given, found)]);
    if (!before) writing.allow(kind, kinds[kind].scope === 'system' ? 'admin' : found.found.uuid);
    return { ...spec, tenant_ref: found.found.uuid };
  }

  private async after(
    tx: StoreTransaction,
    object: StoredObject,
    before: StoredObject | undefined,
    body: ReadBody,
    writing: Writing,
  ): Promise<void> {
    for (const effect of body.effects) await effect(tx, object);
    await this.hooks.afterWrite(tx, object, before, writing);
  }
}

/** The settings that rules look at. */
export function systemOf(view: ObjectView): Readonly<Spec> | undefined {
  for (const object of view.byKind('systemconfiguration')) return object.spec;
  return undefined;
}

/** Every reference as a uuid; the cloud first, since names of other objects may count only in it. */
function resolveAll(kind: KindName, spec: Spec, view: ObjectView): Spec {
  const tenantUuid = textOf(spec['tenant_ref'] ?? 'admin');
  const refused: FieldError[] = [];
  const resolve = (
    text: string,
    target: string,
    path: string,
    cloudUuid: string | undefined,
  ): string | undefined => {
    const result = resolveReference(text, target, { tenantUuid, cloudUuid }, view, (o) =>
      visibleInTenant(tenantUuid, o),
    );
    if ('found' in result) return result.found.uuid;
    refused.push(unresolved(path, target, text, result));
    return undefined;
  };
  const cloud =
    typeof spec['cloud_ref'] === 'string'
      ? resolve(spec['cloud_ref'], 'cloud', 'cloud_ref', undefined)
      : undefined;
  const cloudUuid = cloud ?? view.byName('cloud', 'Default-Cloud')[0]?.uuid;
  const resolved = mapReferences(kind, spec, ({ path, targetKind, value }) => {
    if (path === 'cloud_ref') return cloud;
    if (path === 'tenant_ref') return value;
    return value === '' ? undefined : resolve(value, targetKind, path, cloudUuid);
  });
  if (refused.length > 0) throw fieldErrors(refused);
  return resolved;
}

function unresolved(
  path: string,
  target: string,
  text: string,
  result: Exclude<Resolution, { found: unknown }>,
): FieldError {
  const type = target in kinds ? kinds[target as KindName].type : target;
  const why = {
    none: `${type} object not found! There is none called ${JSON.stringify(text)}. Create it first, or correct the reference`,
    kind: `${JSON.stringify(text)} names another kind of object. Refer to a ${type}`,
    ambiguous: `more than one ${type} is called ${JSON.stringify(text)}. Refer to it by its uuid`,
  }[result.problem];
  return { code: 'rule', field: path, message: `Field check for ${path} failed : ${why}`, value: text };
}

/** A replaced object stays in its cloud where the body does not say. */
function keepCloud(spec: Spec, before: StoredObject | undefined): Spec {
  return before && before.scopeUuid !== '' && spec['cloud_ref'] === undefined
    ? { ...spec, cloud_ref: before.scopeUuid }
    : spec;
}

function refuseMove(kind: KindName, before: StoredObject, spec: Spec): void {
  const moved = (field: string, from: string): boolean =>
    from !== '' && spec[field] !== undefined && spec[field] !== from;
  const field =
    kinds[kind].scope !== 'system' && moved('tenant_ref', before.tenantUuid)
      ? 'tenant_ref'
      : moved('cloud_ref', before.scopeUuid)
        ? 'cloud_ref'
        : undefined;
  if (field === undefined) return;
  throw new ApiError(
    400,
    'FIELD_INVALID',
    `Field check for ${field} failed : an object cannot move to another ${field === 'tenant_ref' ? 'tenant' : 'cloud'}. Create it there and delete this one.`,
    { field },
  );
}

function refuseSealed(kind: KindName, spec: Spec): void {
  const search = (value: unknown): boolean =>
    isSealed(value) || (typeof value === 'object' && value !== null && Object.values(value).some(search));
  if (kinds[kind].secretFields.length > 0 && search(spec))
    throw errors.badRequest(
      'FIELD_INVALID',
      'A secret must not begin with "sealed:". Give it in clear; it is sealed here.',
    );
}
