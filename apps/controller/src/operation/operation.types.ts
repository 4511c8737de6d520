import type { Cause, OperationType } from '@spillway/placement';

/** What an operation was asked for, and what was decided on the way. Stored in `operation.params`. */
export interface OperationParams {
  /** The SE that is added, or becomes primary. */
  to_se_uuid?: string;
  /** It was named by whoever asked: no other will do. */
  to_named?: boolean;
  /** The SE that leaves. */
  from_se_uuid?: string;
  /** Make an SE for it. */
  to_new_se?: boolean;
  /** The controller acts by itself, for this reason. Absent when a user asked. */
  why?: Cause;
  /** Program the SE, do not admit it (legacy active/standby). */
  standby?: boolean;
  /** Change of the manual scale-out factor that came with the request; taken back when the operation fails. */
  scale_delta?: number;
  /** SEs that failed in this operation, with the reason. */
  tried?: Record<string, string>;
  /** The operation that makes an SE for this one. */
  create_operation?: string;
  /** The last attempt to make one failed; the next begins at `retry_at`. */
  create_failure?: { code: string; reason: string; retry_at: string };
  /** The SE that it made. */
  made_se_uuid?: string;
  /** Candidates when a new SE was asked for by hand: any other is the new one. */
  known_ses?: string[];
  /** The controller does not want it any more: a cancel is not a user's. */
  obsolete?: boolean;
  /** SE to make: its group and name. */
  group_uuid?: string;
  se_name?: string;
  /** Milliseconds for a drain, where the request sets them. */
  drain_timeout?: number;
  /** Delete the SE without moving anything first. */
  force?: boolean;
}

/** What the operator is asked while an operation waits. */
export interface Question {
  /** Stable: `SE_NEEDED`, `RETRY_LATER`. */
  code: string;
  /** What is missing and what would help. */
  text: string;
  /** Fields that an answer may carry. */
  fields: { name: string; text: string }[];
}

export interface NewOperation {
  readonly type: OperationType;
  readonly subjectUuid: string;
  readonly subjectName: string;
  readonly tenantUuid: string;
  readonly vipId?: string;
  readonly params: OperationParams;
  readonly requestedBy: string;
}

/** What one look at a step found. */
export type StepResult =
  | { readonly do: 'done'; readonly detail?: string }
  /** Nothing to do until something happens; look again at `until` at the latest. */
  | { readonly do: 'wait'; readonly detail: string; readonly until?: Date }
  /** The rest is not needed. */
  | { readonly do: 'finish'; readonly detail?: string }
  /** This SE will not do: try another. */
  | { readonly do: 'elsewhere'; readonly code: string; readonly reason: string }
  | { readonly do: 'failed'; readonly code: string; readonly reason: string }
  /** Something is missing: say what, wait for it or for an answer. */
  | {
      readonly do: 'ask';
      readonly question: Question;
      readonly code: string;
      readonly reason: string;
      readonly until: Date;
    };

export const done = (detail?: string): StepResult =>
  detail === undefined ? { do: 'done' } : { do: 'done', detail };
export const wait = (detail: string, until?: Date): StepResult =>
  until === undefined ? { do: 'wait', detail } : { do: 'wait', detail, until };
