import {
  localBody,
  type LocalResponse,
  type RequestMatch,
  type RequestRule,
  type TargetTest,
} from '@spillway/snapshot';
import { HashString } from './action/hash-string.js';
import { redirectTarget } from './action/location.js';
import { hostOf, pathOf, queryOf, splitHost, type TokenSource } from './action/uri.js';
import { type Answer, type RequestDecision, Verdict } from './decision.js';
import { editFor, type Facts } from './facts.js';
import type { Groups } from './groups.js';
import { textOf } from './match/bytes.js';
import { type CriteriaCompiler, pathSubject, querySubject } from './match/criteria.js';
import { pathPattern } from './match/values.js';
import { patternBytes } from './match/bytes.js';
import { PatternFinder } from './match/predicate.js';
import { located, type Subject } from './match/subject.js';
import type { RequestView } from './match/view.js';
import type { Regex } from './regex/index.js';

/** Regular expressions of a rule's path or query, for tokens that use what they captured. */
interface Captor {
  readonly subject: Subject<RequestView>;
  readonly expressions: readonly Regex[];
}

/** Keys of the string groups that a rule's path or query is compared with, for tokens that use their values. */
interface KeyedValues {
  readonly subject: Subject<RequestView>;
  readonly entries: readonly {
    readonly value: string;
    readonly length: number;
    readonly longest: boolean;
    readonly test: (b: Uint8Array, start: number, end: number) => boolean;
  }[];
}

/** What the tokens of one rule are taken from. */
export class RuleTokens implements TokenSource {
  private view!: RequestView;
  private readonly path_: Captor | null;
  private readonly query_: Captor | null;
  private readonly keyed: readonly KeyedValues[];

  constructor(match: RequestMatch, compiler: CriteriaCompiler, groups: Groups, path: string) {
    const captor = (test: TargetTest | undefined, subject: (decoded: boolean) => Subject<RequestView>) =>
      test?.operator === 'regex' && !test.negated
        ? {
            subject: subject(test.decoded),
            expressions: test.values
              .concat(
                test.string_group_uuids.flatMap(
                  (g) => groups.strings.get(g)?.entries.map((e) => e.key) ?? [],
                ),
              )
              .map((value) => compiler.regex(value, test.fold, path)),
          }
        : null;
    this.path_ = captor(match.path, pathSubject);
    this.query_ = captor(match.query, querySubject);
    this.keyed = [
      keyedValues(match.path, pathSubject, groups, compiler, path, true),
      keyedValues(match.query, querySubject, groups, compiler, path, false),
    ].filter((keyed) => keyed !== null);
  }

  for(view: RequestView): this {
    this.view = view;
    return this;
  }

  get host(): string {
    return splitHost(this.view.hostText()).host;
  }

  get path(): string {
    return this.view.pathText();
  }

  captures(of: 'path' | 'query'): readonly (string | undefined)[] {
    const captor = of === 'path' ? this.path_ : this.query_;
    if (captor === null || captor.subject.next(this.view, 0) < 0) return [];
    const { b, start, end } = located;
    for (const expression of captor.expressions) {
      const found = expression.exec(b, start, end);
      if (found === null) continue;
      return Array.from({ length: found.length / 2 }, (_, i) =>
        found[2 * i]! < 0 ? undefined : textOf(b, found[2 * i]!, found[2 * i + 1]!),
      );
    }
    return [];
  }

  groupValue(): string {
    for (const { subject, entries } of this.keyed) {
      if (subject.next(this.view, 0) < 0) continue;
      const { b, start, end } = located;
      let best: { value: string; length: number } | null = null;
      for (const entry of entries) {
        if (!entry.test(b, start, end) || (best !== null && entry.length <= best.length)) continue;
        best = entry;
        if (!entry.longest) break;
      }
      if (best !== null) return best.value;
    }
    return '';
  }
}

function keyedValues(
  test: TargetTest | undefined,
  subject: (decoded: boolean) => Subject<RequestView>,
  groups: Groups,
  compiler: CriteriaCompiler,
  path: string,
  isPath: boolean,
): KeyedValues | null {
  if (test === undefined || test.string_group_uuids.length === 0 || test.operator === 'exists') return null;
  const { operator, fold, decoded } = test;
  const entries = test.string_group_uuids.flatMap((uuid) => {
    const group = groups.strings.get(uuid);
    return (group?.entries ?? []).map(({ key, value = '' }) => {
      const length = key.length;
      const longest = group!.longest_match;
      if (operator === 'regex') {
        const regex = compiler.regex(key, fold, path);
        return { value, length, longest, test: regex.test.bind(regex) };
      }
      const pattern = patternBytes(isPath ? pathPattern(key, operator, decoded) : key, fold);
      const finder = new PatternFinder(operator, [pattern], fold);
      return { value, length, longest, test: finder.test.bind(finder) };
    });
  });
  return { subject: subject(decoded), entries };
}

/** A response made once. */
export function answerOf(response: LocalResponse): Answer {
  const { status, content_type } = response;
  const bytes = localBody(response);
  const fields: [string, string][] = [];
  if (bytes.length > 0) fields.push(['Content-Type', content_type ?? 'text/html; charset=utf-8']);
  return { status, fields, body: bytes };
}

/** The request as a redirect sees it; `local` names the host where the request does not. */
export const redirected = (view: RequestView, local: string) => ({
  secure: view.secure,
  authority: view.hostField >= 0 ? view.hostText() : local.includes(':') ? `[${local}]` : local,
  path: view.pathText(),
  query: view.queryText(),
});

export const redirectAnswer = (status: number, location: string): Answer => ({
  status,
  fields: [['Location', location]],
  body: new Uint8Array(0),
});

/** The actions of a request rule. */
export class RequestActions {
  private readonly tokens: RuleTokens | null;
  private readonly local: Answer | null;
  private readonly hashString: HashString | null;

  constructor(
    private readonly rule: RequestRule,
    compiler: CriteriaCompiler,
    groups: Groups,
    path: string,
  ) {
    const { redirect, rewrite, switching, hash_string } = rule;
    this.hashString = hash_string === undefined ? null : new HashString(hash_string);
    this.tokens =
      redirect !== undefined || rewrite !== undefined || hash_string !== undefined
        ? new RuleTokens(rule.match, compiler, groups, path)
        : null;
    this.local = switching?.to === 'local' ? answerOf(switching.response) : null;
  }

  /** @returns true when the request has been answered */
  take(view: RequestView, facts: Facts, decision: RequestDecision): boolean {
    const { redirect, rewrite, switching, header_actions } = this.rule;
    decision.touched = true;
    if (redirect !== undefined) {
      const source = this.tokens!.for(view);
      const target = redirectTarget(redirect, redirected(view, facts.variable('vs_ip') ?? ''), source);
      decision.verdict = Verdict.Answer;
      decision.answer = redirectAnswer(redirect.status, target);
      return true;
    }
    if (this.local !== null) {
      decision.verdict = Verdict.Answer;
      decision.answer = this.local;
      return true;
    }
    if (switching !== undefined && switching.to !== 'local') decision.switching ??= switching;
    for (const action of header_actions) decision.edits.push(editFor(action, view, facts));
    if (rewrite !== undefined) this.rewrite(view, decision);
    if (this.hashString !== null) decision.hashString ??= this.hashString.of(view, this.tokens!.for(view));
    return false;
  }

  /** A part that a policy set before has rewritten stays so. */
  private rewrite(view: RequestView, decision: RequestDecision): void {
    const { host, path, query } = this.rule.rewrite!;
    const source = this.tokens!.for(view);
    if (host !== undefined && decision.host === null) decision.host = hostOf(host, source);
    if (path !== undefined && decision.path === null) decision.path = pathOf(path, source);
    if (query !== undefined) decision.query ??= queryOf(query.keep_query, view.queryText(), query.add_query);
  }
}
