import { applyDefaults, checkRules, type KindName } from '@spillway/model';
import type { HookRegistry, Spec, StoredObject, StoreTransaction, WriteContext } from '../../store/index.js';
import { fieldErrors } from '../field-report.js';

/** Writes an object that another one brings with it: defaults, rules, record, as if the user had made it. */
export async function make(
  tx: StoreTransaction,
  hooks: HookRegistry,
  kind: KindName,
  spec: Spec,
  context: WriteContext,
): Promise<StoredObject> {
  const object = await tx.create(kind, checked(kind, spec, undefined));
  await hooks.afterWrite(tx, object, undefined, context);
  return object;
}

/** The same for one that is there. */
export async function remake(
  tx: StoreTransaction,
  hooks: HookRegistry,
  before: StoredObject,
  spec: Spec,
  context: WriteContext,
): Promise<StoredObject> {
  const object = await tx.replace(before.kind, before.uuid, checked(before.kind as KindName, spec, before));
  await hooks.afterWrite(tx, object, before, context);
  return object;
}

export async function unmake(
  tx: StoreTransaction,
  hooks: HookRegistry,
  object: StoredObject,
  context: WriteContext,
): Promise<void> {
  await tx.remove(object.kind, object.uuid);
  await hooks.afterRemove(tx, object, context);
}

function checked(kind: KindName, spec: Spec, before: StoredObject | undefined): Spec {
  const filled = applyDefaults(kind, spec as never);
  const refused = checkRules(kind, filled as never, before ? { previous: before.spec as never } : {});
  if (refused.length > 0) throw fieldErrors(refused);
  return filled as unknown as Spec;
}
