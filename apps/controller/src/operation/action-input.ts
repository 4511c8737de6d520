import { z } from 'zod';
import { errors } from '../errors.js';
import { resolveReference } from '../rest/resolve-reference.js';
import type { ObjectView } from '../store/index.js';
import type { ActionInput } from './action.service.js';

/** Bodies of the actions: VsScaleoutParams, VsScaleinParams, VsMigrateParams, VsSwitchoverParams in one. */
const Body = z.object({
  vip_id: z.union([z.string(), z.int()]).transform(String).optional(),
  to_se_ref: z.string().optional(),
  from_se_ref: z.string().optional(),
  se_uuid: z.string().optional(),
  to_new_se: z.boolean().optional(),
  scalein_primary: z.boolean().optional(),
});

/** Reads the body of an action; an absent body is an empty one. */
export function actionInput(body: unknown, objects: ObjectView): ActionInput {
  const parsed = Body.safeParse(body ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join('.') ?? '';
    throw errors.badRequest(
      'FIELD_INVALID',
      `Field check for ${field || 'the body'} failed : ${issue?.message ?? 'it is not valid'}.`,
      { field },
    );
  }
  const value = parsed.data;
  const to = value.to_se_ref ?? value.se_uuid;
  return {
    vipId: value.vip_id,
    toSe: to === undefined || to === '' ? undefined : seOf(to, objects),
    fromSe:
      value.from_se_ref === undefined || value.from_se_ref === ''
        ? undefined
        : seOf(value.from_se_ref, objects),
    toNewSe: value.to_new_se,
    scaleinPrimary: value.scalein_primary,
  };
}

/** A service engine from any form of reference. What cannot be found is passed on, so that the refusal names it. */
export function seOf(text: string, objects: ObjectView): string {
  const found = resolveReference(
    text,
    'serviceengine',
    { tenantUuid: 'admin', cloudUuid: undefined },
    objects,
    () => true,
  );
  return 'found' in found ? found.found.uuid : text;
}
