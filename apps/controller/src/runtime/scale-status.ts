import { OPERATIONS } from '@spillway/placement';
import type { Operation } from '../database/entities/index.js';
import { paramsOf } from '../operation/operation.store.js';

type Json = Record<string, unknown>;

const stateOf = (op: Operation): string => {
  const definition = OPERATIONS[op.type];
  if (op.state === 'succeeded') return definition.succeeded.scaleState;
  if (op.state === 'failed' || op.state === 'cancelled') return definition.failed.scaleState;
  return definition.steps.find((s) => s.name === op.step)?.scaleState ?? '';
};

/** `ScaleStatus` of the published API from an operation, with our text, progress and reference beside it. */
export function scaleStatus(
  op: Operation,
  numbers: { assigned: number; requested: number },
  link: (kind: string, uuid: string) => string,
): Json {
  const params = paramsOf(op);
  const se = op.type === 'scalein' ? params.from_se_uuid : (params.to_se_uuid ?? params.from_se_uuid);
  return {
    state: stateOf(op),
    action: OPERATIONS[op.type].action,
    action_success: op.state !== 'failed' && op.state !== 'cancelled',
    num_se_assigned: numbers.assigned,
    num_se_requested: numbers.requested,
    reason: [op.error === '' || op.ended_at === null ? op.text : op.error],
    reason_code: 0,
    ...(op.error_code === '' ? {} : { reason_code_string: op.error_code }),
    ...(se === undefined ? {} : { scale_se: link('serviceengine', se) }),
    start_time_str: op.created_at.toISOString(),
    ...(op.ended_at === null ? {} : { end_time_str: op.ended_at.toISOString() }),
    operation_uuid: op.uuid,
    operation_state: op.state,
    text: op.text,
    progress_percent: op.progress,
  };
}
