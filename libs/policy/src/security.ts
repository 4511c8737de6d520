import type { SecurityRule } from '@spillway/snapshot';
import { redirectTarget } from './action/location.js';
import { absolute, splitHost } from './action/uri.js';
import { type Answer, type RequestDecision, Verdict } from './decision.js';
import type { Facts } from './facts.js';
import type { Groups } from './groups.js';
import { textOf } from './match/bytes.js';
import type { CriteriaCompiler } from './match/criteria.js';
import type { RequestView } from './match/view.js';
import type { RateLimiter, RateLimiters } from './rate-limiter.js';
import { answerOf, redirectAnswer, redirected, RuleTokens } from './request.js';

/** How the rules of security go on after one. */
export const enum Onward {
  /** The request is let through: no further rule of security is asked. */
  Allowed,
  /** The next rule is asked. */
  Next,
  /** The decision says what becomes of the request. */
  Decided,
}

/** The action of a security rule. */
export class SecurityActions {
  private readonly local: Answer | null;
  private readonly tokens: RuleTokens | null = null;
  private readonly limiter: RateLimiter | null = null;

  constructor(
    private readonly rule: SecurityRule,
    compiler: CriteriaCompiler,
    groups: Groups,
    limiters: RateLimiters,
    path: string,
    id: string,
  ) {
    const { action } = rule;
    let response = action.type === 'respond' ? action.response : undefined;
    if (action.type === 'rate_limit') {
      this.limiter = limiters.limiter(id, action);
      if (action.exceeded.type === 'respond') response = action.exceeded.response;
      if (action.exceeded.type === 'redirect')
        this.tokens = new RuleTokens(rule.match, compiler, groups, path);
    }
    this.local = response === undefined ? null : answerOf(response);
  }

  take(view: RequestView, facts: Facts, now: number, decision: RequestDecision): Onward {
    const { action } = this.rule;
    switch (action.type) {
      case 'allow':
        return Onward.Allowed;
      case 'close':
        return this.end(decision, Verdict.Close);
      case 'respond':
        return this.respond(decision, this.local!);
      case 'redirect_to_https': {
        if (view.secure) return Onward.Next;
        const { authority, path, query } = redirected(view, facts.variable('vs_ip') ?? '');
        const target = absolute(
          'https',
          splitHost(authority).host,
          action.port,
          path === '*' ? '/' : path,
          query,
        );
        return this.respond(decision, redirectAnswer(302, target));
      }
      case 'rate_limit':
      default:
        if (this.limiter!.take(this.key(view), now)) return Onward.Next;
        return this.exceeded(view, facts, decision);
    }
  }

  private exceeded(view: RequestView, facts: Facts, decision: RequestDecision): Onward {
    const { action } = this.rule;
    if (action.type !== 'rate_limit') return Onward.Next;
    switch (action.exceeded.type) {
      case 'none':
        return Onward.Next;
      case 'close':
        return this.end(decision, Verdict.Close);
      case 'reset':
        return this.end(decision, Verdict.Reset);
      case 'respond':
        return this.respond(decision, this.local!);
      case 'redirect':
      default: {
        const { redirect } = action.exceeded;
        const request = redirected(view, facts.variable('vs_ip') ?? '');
        const target = redirectTarget(redirect, request, this.tokens!.for(view));
        return this.respond(decision, redirectAnswer(redirect.status, target));
      }
    }
  }

  /** Who is counted: everybody together unless the rule tells apart. */
  private key(view: RequestView): string {
    const { action } = this.rule;
    if (action.type !== 'rate_limit') return '';
    const client = action.per_client_ip ? view.client.address : '';
    if (!action.per_uri_path) return client;
    const { b, start, end } = view.normalPath();
    return `${client} ${textOf(b, start, end)}`;
  }

  private end(decision: RequestDecision, verdict: Verdict): Onward {
    decision.touched = true;
    decision.verdict = verdict;
    return Onward.Decided;
  }

  private respond(decision: RequestDecision, answer: Answer): Onward {
    decision.answer = answer;
    return this.end(decision, Verdict.Answer);
  }
}
