import {
  applyJsonPatch,
  kinds,
  mapReferences,
  mergePatch,
  parseObject,
  strictErrors,
  type KindName,
} from '@spillway/model';
import { errors } from '../errors.js';
import type { ObjectView, Spec, StoredObject } from '../store/index.js';
import { fieldErrors } from './field-report.js';
import type { Writing } from './object-writer.js';
import { resolveReference } from './resolve-reference.js';
import { textOf } from './text.js';
import { visibleInTenant } from './visibility.js';

const OPERATIONS = ['add', 'replace', 'delete', 'json_patch'];

/**
 * The whole object after a PATCH, to be written like the body of a PUT. References in the patch are resolved first, so
 * that `delete` and `add` find the elements that they mean in whatever form they are written. What is without effect
 * is reported of the patch alone: the rest of the object was not asked for by this request.
 */
export function patchedBody(
  kind: KindName,
  before: StoredObject,
  patch: unknown,
  view: ObjectView,
  tenantUuid: string,
  { report, strict }: Pick<Writing, 'report' | 'strict'>,
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
  if (merged.errors.length > 0) throw fieldErrors(merged.errors);
  const patched = withJsonPatch(withLastModified(merged.value as unknown as Spec, body), body);
  const asked = askedFor(kind, body, patched);
  const said = {
    unknown: [...new Set([...merged.unknown, ...asked.unknown])],
    unhonoured: [...new Set(asked.unhonoured)],
  };
  report.add(said);
  const refused = strict ? strictErrors(said.unknown, said.unhonoured) : [];
  if (refused.length > 0) throw fieldErrors(refused);
  return patched;
}

function withJsonPatch(value: Spec, body: Spec): Spec {
  if (!('json_patch' in body)) return value;
  const patched = applyJsonPatch(value, body['json_patch']);
  if (patched.errors.length > 0) throw fieldErrors(patched.errors);
  return patched.value as Spec;
}

/** What the patch itself sets that the schema does not have, or that nothing acts on. */
function askedFor(kind: KindName, body: Spec, patched: Spec): { unknown: string[]; unhonoured: string[] } {
  const payloads = ['add', 'replace'].flatMap((op) => (op in body ? [body[op]] : []));
  const unhonoured = payloads.flatMap((p) => parseObject(kind, p, { partial: true }).unhonoured);
  if (!('json_patch' in body)) return { unknown: [], unhonoured };
  const touched = touchedPaths(body['json_patch']);
  const whole = parseObject(kind, patched, { partial: true });
  const within = (path: string): boolean => {
    const plain = path.replace(/=.*$/, '').replaceAll('[]', '');
    return touched.some(
      (t) => t === '' || plain === t || plain.startsWith(`${t}.`) || t.startsWith(`${plain}.`),
    );
  };
  return { unknown: whole.unknown, unhonoured: [...unhonoured, ...whole.unhonoured.filter(within)] };
}

/** Where the operations of a JSON Patch write, as dotted paths without places in lists. */
function touchedPaths(operations: unknown): string[] {
  if (!Array.isArray(operations)) return [];
  return (operations as Spec[])
    .filter(({ op }) => op !== 'remove' && op !== 'test')
    .map(({ path }) =>
      textOf(path)
        .split('/')
        .slice(1)
        .filter((step) => !/^(\d+|-)$/.test(step))
        .join('.'),
    );
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
