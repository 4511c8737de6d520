import { whyUnservable } from '@spillway/translator';
import type { StepResult } from '../operation.types.js';
import type { StepContext } from '../step-context.js';

/** What is wrong with the virtual service itself, on whatever SE; undefined when nothing is. */
export function unservable({ op, cache }: Pick<StepContext, 'op' | 'cache'>): string | undefined {
  const wrong = whyUnservable(op.subject_uuid, cache);
  return wrong.length === 0
    ? undefined
    : wrong.map(({ path, text }) => (path === '' ? text : `${path}: ${text}`)).join('; ');
}

/**
 * No SE could serve it: none is tried and none is made. What the controller began by itself waits for a change of the
 * configuration, which wakes every operation; what a user asked for fails with the reason.
 */
export const misconfigured = (ctx: StepContext, reason: string, until: Date): StepResult =>
  ctx.params.why === undefined
    ? { do: 'failed', code: 'CONFIGURATION', reason }
    : {
        do: 'ask',
        code: 'CONFIGURATION',
        reason,
        question: {
          code: 'CONFIGURATION',
          text: `${reason}. Correct the virtual service; it is placed as soon as it can be served`,
          fields: [],
        },
        until,
      };
