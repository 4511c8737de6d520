import { OPERATIONS, undosFrom, type OperationType } from '@spillway/placement';
import type { Operation, OperationStep } from '../database/entities/index.js';
import type { StepContext } from './step-context.js';
import type { StepFunctions } from './steps/index.js';
import type { StepResult } from './operation.types.js';

/** How results of steps move the row of an operation. Only the row is changed here, by its own transaction. */

const definitions = OPERATIONS;

const stepOf = (op: Operation, name: string): OperationStep => {
  const found = op.steps.find((s) => s.name === name);
  if (found === undefined) throw new Error(`operation ${op.uuid} has no step ${name}`);
  return found;
};

const indexOf = (op: Operation): number => definitions[op.type].steps.findIndex((s) => s.name === op.step);

/** "Currently scaling out: waiting until the service engine is ready (se-2 is pending)". */
function describe(op: Operation, detail: string): void {
  const step = definitions[op.type].steps[indexOf(op)];
  op.text = `${definitions[op.type].text}: ${step?.label ?? op.step}${detail === '' ? '' : ` (${detail})`}`;
}

export function begin(op: Operation, now: Date): void {
  const step = stepOf(op, op.step);
  if (step.state === 'running') return;
  step.state = 'running';
  step.started_at = now.toISOString();
  delete step.ended_at;
  describe(op, '');
}

type Results = { [K in StepResult['do']]: Extract<StepResult, { do: K }> };

const APPLY: {
  [K in StepResult['do']]: (
    ctx: StepContext,
    functions: StepFunctions,
    result: Results[K],
  ) => boolean | Promise<boolean>;
} = {
  done: (ctx, _functions, result) => advance(ctx, result.detail),
  finish: (ctx, _functions, result) => {
    close(ctx, result.detail);
    return succeed(ctx);
  },
  wait: (ctx, _functions, result) => {
    stepOf(ctx.op, ctx.op.step).detail = result.detail;
    resume(ctx.op);
    describe(ctx.op, result.detail);
    return false;
  },
  ask: (ctx, _functions, result) => ask(ctx, result),
  elsewhere: (ctx, functions, result) => elsewhere(ctx, functions, result),
  failed: (ctx, functions, result) => fail(ctx, functions, result.code, result.reason, 'failed'),
};

/** Applies one result. True: there is more to do at once. */
export async function apply(
  ctx: StepContext,
  functions: StepFunctions,
  result: StepResult,
): Promise<boolean> {
  const how = APPLY[result.do] as (
    ctx: StepContext,
    functions: StepFunctions,
    result: StepResult,
  ) => boolean | Promise<boolean>;
  return how(ctx, functions, result);
}

/** Waiting for an answer or a retry is over. */
function resume(op: Operation): void {
  if (op.state !== 'waiting') return;
  op.state = 'running';
  op.question = null;
  op.next_retry = null;
}

function close(ctx: StepContext, detail: string | undefined): void {
  const step = stepOf(ctx.op, ctx.op.step);
  step.state = 'done';
  step.ended_at = ctx.now.toISOString();
  if (detail === undefined) delete step.detail;
  else step.detail = detail;
}

function advance(ctx: StepContext, detail: string | undefined): boolean {
  const { op } = ctx;
  close(ctx, detail);
  resume(op);
  const { steps } = definitions[op.type];
  const index = indexOf(op);
  op.progress = steps[index]?.progress ?? op.progress;
  const next = steps[index + 1];
  if (next === undefined) return succeed(ctx);
  op.step = next.name;
  begin(op, ctx.now);
  return true;
}

const names = (ctx: StepContext) => ({
  from: ctx.seName(ctx.params.from_se_uuid),
  to: ctx.seName(ctx.params.to_se_uuid),
});

/** What is said when it has succeeded. */
const OUTCOMES: Readonly<
  Record<OperationType, (n: { from: string; to: string; subject: string }) => string>
> = {
  place: ({ to }) => `Placed on ${to}`,
  scaleout: ({ to }) => `Scaled out to ${to}`,
  scalein: ({ from }) => `Scaled in from ${from}`,
  migrate: ({ from, to }) => `Migrated from ${from} to ${to}`,
  switchover: ({ to }) => `${to} is the primary`,
  unplace: () => 'Removed from all service engines',
  create_se: ({ subject }) => `Service engine ${subject} was created`,
  delete_se: ({ subject }) => `Service engine ${subject} was deleted`,
  evacuate_se: ({ subject }) => `Service engine ${subject} is empty`,
};

function succeed(ctx: StepContext): false {
  const { op } = ctx;
  for (const step of op.steps) if (step.state === 'pending') step.state = 'skipped';
  op.state = 'succeeded';
  op.progress = 100;
  op.error = '';
  op.error_code = '';
  end(ctx, OUTCOMES[op.type]({ ...names(ctx), subject: op.subject_name }));
  const { event } = definitions[op.type].succeeded;
  const { from, to } = names(ctx);
  ctx.event(event, `${op.subject_name}: ${op.text}`, {
    ...(from === '' ? {} : { from_se_uuid: ctx.params.from_se_uuid, from_se_name: from }),
    ...(to === '' ? {} : { to_se_uuid: ctx.params.to_se_uuid, to_se_name: to }),
  });
  return false;
}

function end(ctx: StepContext, text: string): void {
  const { op } = ctx;
  op.text = text;
  op.question = null;
  op.next_retry = null;
  op.ended_at = ctx.now;
}

function ask(ctx: StepContext, result: Extract<StepResult, { do: 'ask' }>): boolean {
  const { op } = ctx;
  const first = op.state !== 'waiting' || op.error_code !== result.code;
  op.state = 'waiting';
  op.question = { ...result.question };
  op.error_code = result.code;
  op.error = result.reason;
  if (op.next_retry === null || op.next_retry <= ctx.now) op.next_retry = result.until;
  stepOf(op, op.step).detail = result.reason;
  op.text = `${definitions[op.type].text}: ${result.question.text}`;
  if (first && op.type === 'place')
    ctx.event('VS_AWAITING_SE', `${op.subject_name}: ${result.reason}`, { code: result.code });
  return false;
}

/** The chosen SE will not do: it lets go, and the choice is made again without it. */
async function elsewhere(
  ctx: StepContext,
  functions: StepFunctions,
  result: Extract<StepResult, { do: 'elsewhere' }>,
): Promise<boolean> {
  const { op, params } = ctx;
  const se = params.to_se_uuid;
  if (params.to_named === true || se === undefined)
    return fail(ctx, functions, result.code, result.reason, 'failed');
  await functions.undos.remove_target(ctx);
  params.tried = { ...params.tried, [se]: result.reason };
  delete params.to_se_uuid;
  op.attempts += 1;
  op.error_code = result.code;
  op.error = result.reason;
  for (const step of op.steps) {
    step.state = 'pending';
    delete step.ended_at;
    delete step.detail;
  }
  op.step = definitions[op.type].steps[0]?.name ?? '';
  op.progress = 0;
  begin(op, ctx.now);
  return true;
}

/** Ends it without success, with everything undone that it did. */
export async function fail(
  ctx: StepContext,
  functions: StepFunctions,
  code: string,
  reason: string,
  state: 'failed' | 'cancelled',
): Promise<false> {
  const { op } = ctx;
  const index = indexOf(op);
  for (const undo of undosFrom(op.type, index)) await functions.undos[undo](ctx);
  op.steps.forEach((step, i) => {
    if (i === index) step.state = state === 'failed' ? 'failed' : 'undone';
    else if (step.state === 'done') step.state = 'undone';
    else if (step.state === 'pending') step.state = 'skipped';
    if (i === index) step.ended_at = ctx.now.toISOString();
  });
  op.state = state;
  op.error_code = code;
  op.error = reason;
  end(ctx, state === 'failed' ? `Failed: ${reason}` : 'Cancelled');
  if (state === 'failed')
    ctx.event(definitions[op.type].failed.event, `${op.subject_name}: ${reason}`, { code });
  return false;
}
