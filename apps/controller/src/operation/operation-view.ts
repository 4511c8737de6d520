import { OPERATIONS } from '@spillway/placement';
import type { Operation } from '../database/entities/index.js';
import type { ObjectView } from '../store/index.js';
import { paramsOf } from './operation.store.js';

type Json = Record<string, unknown>;

const present = (fields: Json): Json =>
  Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== null && v !== undefined && v !== ''));

/** An operation as the API shows it; what is empty is left out. */
export function showOperation(op: Operation, base: string, objects: ObjectView): Json {
  const params = paramsOf(op);
  const kind = OPERATIONS[op.type].subject;
  const link = (of: string, uuid: string | undefined, name?: string): string | undefined =>
    uuid === undefined || uuid === ''
      ? undefined
      : `${base}/api/${of}/${uuid}#${objects.get(uuid)?.name ?? name ?? ''}`;
  return present({
    url: `${base}/api/operation/${op.uuid}`,
    uuid: op.uuid,
    name: `${op.type} ${op.subject_name}`,
    type: op.type,
    state: op.state,
    text: op.text,
    progress: op.progress,
    step: op.step,
    steps: op.steps,
    subject_kind: kind,
    subject_uuid: op.subject_uuid,
    subject_name: op.subject_name,
    subject_ref: link(kind, op.subject_uuid, op.subject_name),
    tenant_ref: link('tenant', op.tenant_uuid),
    vip_id: op.vip_id,
    from_se_ref: link('serviceengine', params.from_se_uuid),
    to_se_ref: link('serviceengine', params.to_se_uuid),
    why: params.why,
    error_code: op.error_code,
    error: op.error,
    question: op.question,
    attempts: op.attempts,
    next_retry: op.next_retry?.toISOString(),
    cancel_requested: op.cancel_requested || undefined,
    requested_by: op.requested_by,
    created_at: op.created_at.toISOString(),
    changed_at: op.changed_at.toISOString(),
    ended_at: op.ended_at?.toISOString(),
  });
}
