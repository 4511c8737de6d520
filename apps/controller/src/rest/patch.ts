import { applyJsonPatch, kinds, mapReferences, mergePatch, type KindName } from '@spillway/model';
import { errors } from '../errors.js';
import type { ObjectView, Spec, StoredObject } from '../store/index.js';
import { fieldErrors, type FieldReport } from './field-report.js';
import { resolveReference } from './resolve-reference.js';
import { visibleInTenant } from './visibility.js';

const OPERATIONS = ['add', 'replace', 'delete', 'json_patch'];

/**
 * The whole object after a PATCH, to be written like the body of a PUT. References in the patch are resolved first, so
 * that `delete` and `add` find the elements that they mean in whatever form they are written.
 */
export function patchedBody(
  kind: KindName,
  before: StoredObject,
  patch: unknown,
  view: ObjectView,
  tenantUuid: string,
  report: FieldReport,
): Spec {
  const { type } = kinds[kind];
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) throw notAPatch(type);
  const body = patch as Spec;
  if (!OPERATIONS.some((operation) => operation in body)) throw notAPatch(type);
  const resolved = (payload: unknown): unknown => resolveKnown(kind, payload, before, view, tenantUuid);
  const merged = mergePatch(kind, before.spec as never, {
    ...('add' in body ? { add: resolved(body['add']) } : {}),
    ...('replace' in body ? { replace: resolved(body['replace']) } : {}),
    ...('delete' in body ? { delete: resolved(body['delete']) } : {}),
  });
  report.add({ unknown: merged.unknown, unhonoured: [] });
  if (merged.errors.length > 0) throw fieldErrors(merged.errors);
  const changed = merged.value as unknown as Spec;
  const withVersion = withLastModified(changed, body);
  if (!('json_patch' in body)) return withVersion;
  const patched = applyJsonPatch(withVersion, body['json_patch']);
  if (patched.errors.length > 0) throw fieldErrors(patched.errors);
  return patched.value as Spec;
}

const notAPatch = (type: string): Error =>
  errors.badRequest(
    'PATCH_INVALID',
    `The body of a PATCH is an object with one or more of ${OPERATIONS.join(', ')}, each with fields of a ${type}.`,
  );

/** A patch may carry the version that it is meant for, beside its operations or inside one. */
function withLastModified(changed: Spec, body: Spec): Spec {
  const inside = ['add', 'replace'].map((op) => (body[op] as Spec | undefined)?.['_last_modified']);
  const version = body['_last_modified'] ?? inside.find((v) => v !== undefined);
  return version === undefined ? changed : { ...changed, _last_modified: version };
}

/** References that can be found become uuids; the others stay for the write to refuse by name. */
function resolveKnown(
  kind: KindName,
  payload: unknown,
  before: StoredObject,
  view: ObjectView,
  tenantUuid: string,
): unknown {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return payload;
  const scope = { tenantUuid: before.tenantUuid || tenantUuid, cloudUuid: before.scopeUuid || undefined };
  return mapReferences(kind, payload, ({ targetKind, value }) => {
    const result = resolveReference(value, targetKind, scope, view, (o) =>
      visibleInTenant(scope.tenantUuid, o),
    );
    return 'found' in result ? result.found.uuid : value;
  });
}
