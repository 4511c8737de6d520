import { strictErrors } from '@spillway/model';
import { z } from 'zod';
import { errors } from '../errors.js';
import { fieldErrors } from '../rest/field-report.js';
import type { Writing } from '../rest/object-writer.js';
import { resolveReference } from '../rest/resolve-reference.js';
import type { ObjectView } from '../store/index.js';
import type { ActionInput, ActionName } from './action.service.js';

/** Bodies of the actions: VsScaleoutParams, VsScaleinParams, VsMigrateParams, VsSwitchoverParams in one. */
const Body = z.object({
  vip_id: z.union([z.string(), z.int()]).transform(String).optional(),
  to_se_ref: z.string().optional(),
  from_se_ref: z.string().optional(),
  se_uuid: z.string().optional(),
  to_new_se: z.boolean().optional(),
  scalein_primary: z.boolean().optional(),
});

const SE = 'the name, uuid or link of a service engine';
const YES_OR_NO = 'true or false';
const ALLOWED: Readonly<Record<string, string>> = {
  vip_id: 'the vip_id of a VIP of the virtual service, such as "0"',
  to_se_ref: SE,
  from_se_ref: SE,
  se_uuid: SE,
  to_new_se: YES_OR_NO,
  scalein_primary: YES_OR_NO,
};

/** What each action acts on, beside `vip_id`. */
const TAKES: Readonly<Record<ActionName | 'retryplacement', readonly string[]>> = {
  scaleout: ['to_se_ref', 'to_new_se'],
  scalein: ['from_se_ref', 'scalein_primary'],
  migrate: ['from_se_ref', 'to_se_ref', 'to_new_se'],
  switchover: ['se_uuid', 'to_se_ref'],
  retryplacement: [],
};

/** What the published API has for each beyond that, without effect here. */
const WITHOUT_EFFECT: Readonly<Record<ActionName | 'retryplacement', readonly string[]>> = {
  scaleout: ['to_host_ref', 'new_vcpus', 'admin_up'],
  scalein: ['admin_down'],
  migrate: ['to_host_ref', 'new_vcpus'],
  switchover: [],
  retryplacement: ['all_east_west'],
};

/** Reads the body of an action; an absent body is an empty one. What nothing acts on is reported, or refused. */
export function actionInput(
  action: ActionName | 'retryplacement',
  body: unknown,
  objects: ObjectView,
  { report, strict }: Pick<Writing, 'report' | 'strict'>,
): ActionInput {
  const parsed = Body.safeParse(body ?? {});
  if (!parsed.success) throw notAllowed(body, parsed.error.issues[0]?.path.join('.') ?? '');
  tell(action, body ?? {}, report, strict);
  const value = parsed.data;
  const takes = (field: keyof typeof value): boolean => TAKES[action].includes(field);
  const se = (field: 'to_se_ref' | 'from_se_ref' | 'se_uuid'): string | undefined => {
    const text = takes(field) ? value[field] : undefined;
    return text === undefined || text === '' ? undefined : seOf(text, objects);
  };
  return {
    vipId: value.vip_id,
    toSe: se('to_se_ref') ?? se('se_uuid'),
    fromSe: se('from_se_ref'),
    toNewSe: takes('to_new_se') ? value.to_new_se : undefined,
    scaleinPrimary: takes('scalein_primary') ? value.scalein_primary : undefined,
  };
}

function notAllowed(body: unknown, field: string): Error {
  if (field === '')
    return errors.badRequest(
      'FIELD_INVALID',
      'The body of an action is a JSON object such as {"vip_id": "0"}.',
    );
  const value = JSON.stringify((body as Record<string, unknown>)[field]);
  return errors.badRequest(
    'FIELD_INVALID',
    `Field check for ${field} failed : ${value} is not allowed. Set it to ${ALLOWED[field] ?? 'another value'}`,
    { field },
  );
}

function tell(
  action: ActionName | 'retryplacement',
  body: object,
  report: Writing['report'],
  strict: boolean,
): void {
  const known = new Set(['vip_id', 'uuid', ...TAKES[action], ...WITHOUT_EFFECT[action]]);
  const given = Object.entries(body);
  const unknown = given.map(([field]) => field).filter((field) => !known.has(field));
  const unhonoured = given
    .filter(([field, value]) => WITHOUT_EFFECT[action].includes(field) && Boolean(value))
    .map(([field]) => field);
  report.add({ unknown, unhonoured });
  const refused = strict ? strictErrors(unknown, unhonoured) : [];
  if (refused.length > 0) throw fieldErrors(refused);
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
