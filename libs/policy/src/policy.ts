import type { HttpPolicySet, ResponseRule } from '@spillway/snapshot';
import { type Answer, type RequestDecision, Verdict } from './decision.js';
import type { Facts } from './facts.js';
import type { Groups } from './groups.js';
import { CriteriaCompiler } from './match/criteria.js';
import { Predicates } from './match/predicates.js';
import { RuleSet } from './match/rule-set.js';
import { RequestView, type ResponseView } from './match/view.js';
import type { RateLimiters } from './rate-limiter.js';
import { RequestActions } from './request.js';
import { type ResponseDecision, ResponseMemo, takeResponseRule } from './response.js';
import { Onward, SecurityActions } from './security.js';

/** How often the rules of one phase of a policy set have matched, in their order. */
export interface PhaseHits {
  readonly policy_set_uuid: string;
  readonly phase: 'security' | 'request' | 'response';
  readonly rules: readonly { readonly index: number; readonly name: string }[];
  readonly hits: Float64Array;
}

interface Phase<V, Actions> {
  readonly rules: RuleSet<V>;
  readonly actions: readonly Actions[];
  readonly hits: Float64Array;
}

interface ResponsePhase {
  /** By what they ask of the request. */
  readonly rules: RuleSet<RequestView>;
  readonly actions: readonly ResponseRule[];
  /** What they ask of the response, in `responses`. */
  readonly criteria: readonly Int32Array[];
  readonly hits: Float64Array;
}

const AMBIGUOUS: Answer = {
  status: 400,
  fields: [['Content-Type', 'text/plain; charset=utf-8']],
  body: Buffer.from('400 the path can be read as different paths\n'),
};

/**
 * The policy sets of one virtual service, compiled.
 *
 * Security rules come first, those of all sets, then request rules; response rules when the server has answered.
 * Within a phase the sets are asked in their order, and in a set the first rule that matches is taken and no other.
 * `allow` ends security altogether; a rate that is not exceeded, and a redirect to HTTPS of what came by HTTPS, are as
 * if the rule had not matched. An answer, a redirect or a close ends everything. What two sets both rewrite or switch,
 * the first one decides; header actions add up. All rules see the request as the client sent it.
 */
export class HttpPolicy {
  private readonly requests = new Predicates<RequestView>();
  private readonly responses = new Predicates<ResponseView>();
  private readonly security: Phase<RequestView, SecurityActions>[] = [];
  private readonly request: Phase<RequestView, RequestActions>[] = [];
  private readonly response: ResponsePhase[] = [];
  /** Some rule looks at the path, or counts by it, so that it must be one that can be relied on. */
  private readonly readsPath: boolean;
  /** What every request leaves for its response, when no response rule asks anything of requests. */
  private readonly memo: ResponseMemo | null;
  readonly hits: PhaseHits[] = [];

  /**
   * @param sets in the order of the virtual service
   * @throws {PolicyError} naming what cannot be compiled
   */
  constructor(sets: readonly HttpPolicySet[], groups: Groups, limiters: RateLimiters) {
    const compiler = new CriteriaCompiler(groups, this.requests, this.responses);
    const drafts = sets.map((set) => draftOf(set, compiler));
    this.requests.seal();
    this.responses.seal();
    for (const [i, set] of sets.entries()) {
      this.addSecurity(set, drafts[i]!, compiler, groups, limiters);
      this.addRequest(set, drafts[i]!, compiler, groups);
      this.addResponse(set, drafts[i]!);
    }
    this.memo = this.response.length > 0 && sets.every(asksNothing) ? this.memoForAll() : null;
    this.readsPath = compiler.readsPath || sets.some(countsPaths);
  }

  get empty(): boolean {
    return this.security.length + this.request.length + this.response.length === 0;
  }

  get hasResponseRules(): boolean {
    return this.response.length > 0;
  }

  /**
   * Decides about a request.
   * @param now milliseconds of a clock that never goes back
   * @param decision to be filled; cleared here
   */
  onRequest(view: RequestView, facts: Facts, now: number, decision: RequestDecision): void {
    decision.clear();
    this.requests.begin();
    if (this.readsPath && view.ambiguous) {
      decision.touched = true;
      decision.verdict = Verdict.Answer;
      decision.answer = AMBIGUOUS;
      return;
    }
    if (this.decideSecurity(view, facts, now, decision)) return;
    for (const { rules, actions, hits } of this.request) {
      const rule = rules.first(view, -1);
      if (rule < 0) continue;
      hits[rule]!++;
      if (actions[rule]!.take(view, facts, decision)) return;
    }
    if (this.memo !== null) decision.memo = this.memo;
    else if (this.response.length > 0) this.remember(view, facts, decision);
  }

  /** Decides about a server's final response to a request that left a memo. */
  onResponse(memo: ResponseMemo, view: ResponseView, decision: ResponseDecision): void {
    decision.clear();
    this.responses.begin();
    for (const [set, { actions, criteria, hits }] of this.response.entries()) {
      const rule = memo.rules[set]!.find((number) =>
        criteria[number]!.every((criterion) => this.responses.holds(criterion, view)),
      );
      if (rule === undefined) continue;
      hits[rule]!++;
      takeResponseRule(actions[rule]!, memo, view, decision);
    }
  }

  /** @returns true when the request goes no further */
  private decideSecurity(view: RequestView, facts: Facts, now: number, decision: RequestDecision): boolean {
    for (const { rules, actions, hits } of this.security) {
      for (let rule = rules.first(view, -1); rule >= 0; rule = rules.first(view, rule)) {
        hits[rule]!++;
        const onward = actions[rule]!.take(view, facts, now, decision);
        if (onward === Onward.Allowed) return false;
        if (onward === Onward.Decided) return true;
      }
    }
    return false;
  }

  private memoForAll(): ResponseMemo {
    const memo = new ResponseMemo('');
    for (const { actions } of this.response) {
      memo.rules.push(actions.map((_, rule) => rule));
      for (const rule of actions) memo.keep(rule, NO_REQUEST, NO_FACTS);
    }
    return memo;
  }

  private remember(view: RequestView, facts: Facts, decision: RequestDecision): void {
    let memo: ResponseMemo | null = null;
    for (const [set, { rules, actions, criteria }] of this.response.entries()) {
      for (let rule = rules.first(view, -1); rule >= 0; rule = rules.first(view, rule)) {
        memo ??= new ResponseMemo(view.hostText() || (facts.variable('vs_ip') ?? ''));
        (memo.rules[set] ??= []).push(rule);
        memo.keep(actions[rule]!, view, facts);
        if (criteria[rule]!.length === 0) break; // it will match, so that none behind it is asked
      }
    }
    if (memo === null) return;
    for (let set = 0; set < this.response.length; set++) memo.rules[set] ??= [];
    decision.memo = memo;
  }

  private addSecurity(
    set: HttpPolicySet,
    draft: Draft,
    compiler: CriteriaCompiler,
    groups: Groups,
    limiters: RateLimiters,
  ): void {
    if (set.security.length === 0) return;
    const actions = set.security.map(
      (rule, i) =>
        new SecurityActions(
          rule,
          compiler,
          groups,
          limiters,
          `security[${i}].match`,
          `${set.uuid}/${rule.index}`,
        ),
    );
    const rules = new RuleSet(this.requests, draft.security);
    this.security.push({ rules, actions, hits: this.count(set, 'security') });
  }

  private addRequest(set: HttpPolicySet, draft: Draft, compiler: CriteriaCompiler, groups: Groups): void {
    if (set.request.length === 0) return;
    const actions = set.request.map(
      (rule, i) => new RequestActions(rule, compiler, groups, `request[${i}].match`),
    );
    const rules = new RuleSet(this.requests, draft.request);
    this.request.push({ rules, actions, hits: this.count(set, 'request') });
  }

  private addResponse(set: HttpPolicySet, draft: Draft): void {
    if (set.response.length === 0) return;
    const rules = new RuleSet(this.requests, draft.asked);
    const criteria = draft.response.map((numbers) => Int32Array.from(numbers));
    this.response.push({ rules, actions: set.response, criteria, hits: this.count(set, 'response') });
  }

  private count(set: HttpPolicySet, phase: PhaseHits['phase']): Float64Array {
    const rules = set[phase].map(({ index, name }) => ({ index, name }));
    const hits = new Float64Array(rules.length);
    this.hits.push({ policy_set_uuid: set.uuid, phase, rules, hits });
    return hits;
  }
}

/** A path that is counted must be one path, however it is spelled. */
const countsPaths = ({ security }: HttpPolicySet): boolean =>
  security.some(({ action }) => action.type === 'rate_limit' && action.per_uri_path);

const NO_REQUEST = new RequestView();
const NO_FACTS: Facts = { variable: () => undefined };

/** Response rules of the set match and act whatever the request is. */
const asksNothing = ({ response }: HttpPolicySet): boolean =>
  response.every(
    ({ match, location, header_actions }) =>
      Object.keys(match.request).length === 1 &&
      match.request.headers.length === 0 &&
      location === undefined &&
      header_actions.every(
        (action) =>
          action.target === 'cookie' || action.value === undefined || action.value.type === 'string',
      ),
  );

/** Criteria of the rules of one set. */
interface Draft {
  readonly security: readonly number[][];
  readonly request: readonly number[][];
  /** Of response rules: what they ask of the request, and of the response. */
  readonly asked: readonly number[][];
  readonly response: readonly number[][];
}

const draftOf = (set: HttpPolicySet, compiler: CriteriaCompiler): Draft => ({
  security: set.security.map((rule, i) => compiler.request(rule.match, `security[${i}].match`)),
  request: set.request.map((rule, i) => compiler.request(rule.match, `request[${i}].match`)),
  asked: set.response.map((rule, i) => compiler.request(rule.match.request, `response[${i}].match`)),
  response: set.response.map((rule, i) => compiler.response(rule.match, `response[${i}].match`)),
});
