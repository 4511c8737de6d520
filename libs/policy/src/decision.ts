import type { HeaderAction, Switching } from '@spillway/snapshot';
import type { ResponseMemo } from './response.js';

/** A response in place of a server's. */
export interface Answer {
  readonly status: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** What becomes of a request. */
export const enum Verdict {
  /** It goes on, changed as the decision says. */
  Continue,
  /** `answer` is its response. */
  Answer,
  /** Its connection is closed without an answer. */
  Close,
  /** Its connection is reset. */
  Reset,
}

/** A header action with the value that it has for this message. */
export interface HeaderEdit {
  readonly action: HeaderAction;
  /** Undefined where there is none to be had: an `add` or `replace` then does nothing. */
  readonly value: string | undefined;
}

/** The outcome of a request's rules. One object serves all requests. */
export class RequestDecision {
  verdict = Verdict.Continue;
  answer: Answer | null = null;
  /** Where the request goes, in place of the virtual service's own pool. */
  switching: Exclude<Switching, { to: 'local' }> | null = null;
  /** New parts of the target and a new Host; null leaves what there is. */
  path: string | null = null;
  query: string | null = null;
  host: string | null = null;
  /** What consistent hash may go by, in place of what the request has; null: nothing was set. */
  hashString: string | null = null;
  /** In order. */
  edits: HeaderEdit[] = [];
  /** What the response's rules will ask of the request; null when they will not. */
  memo: ResponseMemo | null = null;
  /** Something is other than to go on unchanged. */
  touched = false;

  clear(): void {
    this.memo = null;
    if (!this.touched) return;
    this.touched = false;
    this.verdict = Verdict.Continue;
    this.answer = null;
    this.switching = null;
    this.path = null;
    this.query = null;
    this.host = null;
    this.hashString = null;
    this.edits = [];
  }
}
