import type { ResponseRule } from '@spillway/snapshot';
import { rewriteLocation } from './action/location.js';
import type { TokenSource } from './action/uri.js';
import type { HeaderEdit } from './decision.js';
import { editFor, type Facts } from './facts.js';
import { findField } from './match/subject.js';
import type { RequestView, ResponseView } from './match/view.js';

/** What is known of a request when its response comes: the rules that may still match, with their values. */
export class ResponseMemo {
  /** Per policy set, the numbers of these rules in order. */
  readonly rules: number[][] = [];
  readonly edits = new Map<ResponseRule, HeaderEdit[]>();

  constructor(readonly authority: string) {}

  /** Values of a rule's header actions are those of the request. */
  keep(rule: ResponseRule, view: RequestView, facts: Facts): void {
    if (rule.header_actions.length === 0) return;
    this.edits.set(
      rule,
      rule.header_actions.map((action) => editFor(action, view, facts)),
    );
  }
}

/** The outcome of a response's rules; one object serves all responses. */
export class ResponseDecision {
  edits: HeaderEdit[] = [];
  /** Another Location; null leaves it. */
  location: string | null = null;
  touched = false;

  clear(): void {
    if (!this.touched) return;
    this.touched = false;
    this.edits = [];
    this.location = null;
  }
}

const LOCATION = Buffer.from('location', 'latin1');

/** Does what a response rule asks for. */
export function takeResponseRule(
  rule: ResponseRule,
  memo: ResponseMemo,
  view: ResponseView,
  decision: ResponseDecision,
): void {
  decision.touched = true;
  for (const edit of memo.edits.get(rule) ?? []) decision.edits.push(edit);
  if (rule.location === undefined || decision.location !== null) return;
  const field = findField(view, LOCATION, 0);
  if (field < 0) return;
  decision.location = rewriteLocation(rule.location, view.value(field), memo.authority, locationTokens);
}

const locationTokens = (host: string, path: string): TokenSource => ({
  host,
  path,
  captures: () => [],
  groupValue: () => '',
});
