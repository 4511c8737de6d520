import { AddressMap } from './address.js';
import { Hits } from './hits.js';
import { AddressPredicate, finderOf, RegexPredicate, TextPredicate, type TextOperator } from './predicate.js';
import type { Predicates } from './predicates.js';
import type { Predicate, Whose } from './predicate.js';
import { located, type Subject } from './subject.js';
import type { RequestView } from './view.js';

/** Patterns of criteria over one subject by one operator, looked for together. */
interface TextIndex<V> {
  readonly subject: Subject<V>;
  readonly finder: { find(b: Uint8Array, start: number, end: number, hits: Hits): void };
  /** Criterion of each pattern. */
  readonly criteria: Int32Array;
  /** The pattern only says that the criterion may hold. */
  readonly hint: Uint8Array;
}

interface AddressIndex {
  readonly whose: Whose;
  readonly map: AddressMap;
  readonly criteria: Int32Array;
}

interface Group<V> {
  readonly subject: Subject<V>;
  readonly operator: TextOperator;
  readonly fold: boolean;
  readonly patterns: Uint8Array[];
  readonly criteria: number[];
  readonly hint: number[];
}

const hits = new Hits();

/**
 * Finds, of many criteria, those that can hold for a message, without asking each. Whether one may be put in is told
 * by `add`; the rest has to be asked.
 */
export class CriteriaIndex<V> {
  private readonly texts: TextIndex<V>[] = [];
  private readonly addresses: AddressIndex[] = [];

  /** @param wanted numbers of criteria; those that cannot be indexed are left in it */
  constructor(
    private readonly predicates: Predicates<V>,
    wanted: Set<number>,
  ) {
    this.indexTexts(wanted);
    this.indexAddresses(wanted);
  }

  /** Calls `found` with each criterion that may hold, once or more often; what holds for sure is learnt. */
  find(view: V, found: (criterion: number) => void): void {
    for (const { subject, finder, criteria, hint } of this.texts)
      for (let at = subject.next(view, 0); at >= 0; at = subject.next(view, at)) {
        hits.count = 0;
        finder.find(located.b, located.start, located.end, hits);
        for (let i = 0; i < hits.count; i++) {
          const pattern = hits.list[i]!;
          const criterion = criteria[pattern]!;
          if (hint[pattern] === 0) this.predicates.learn(criterion, true);
          found(criterion);
        }
      }
    for (const { whose, map, criteria } of this.addresses) {
      const { key } = (view as unknown as RequestView)[whose];
      if (key === null) continue;
      for (const set of map.find(key)) {
        this.predicates.learn(criteria[set]!, true);
        found(criteria[set]!);
      }
    }
  }

  private indexTexts(wanted: Set<number>): void {
    const groups = new Map<Subject<V>, Map<string, Group<V>>>();
    for (const number of wanted) {
      const parts = textParts(this.predicates.list[number]!);
      if (parts === null) continue;
      const { subject, operator, fold, patterns, hint } = parts;
      const bySubject = groups.get(subject) ?? new Map<string, Group<V>>();
      groups.set(subject, bySubject);
      const key = `${operator} ${fold}`;
      const group = bySubject.get(key) ?? { subject, operator, fold, patterns: [], criteria: [], hint: [] };
      bySubject.set(key, group);
      for (const pattern of patterns) {
        group.patterns.push(pattern);
        group.criteria.push(number);
        group.hint.push(hint ? 1 : 0);
      }
    }
    for (const bySubject of groups.values())
      for (const { subject, operator, fold, patterns, criteria, hint } of bySubject.values()) {
        const finder = finderOf(operator, patterns, fold);
        if (finder === null) continue;
        for (const number of criteria) wanted.delete(number);
        this.texts.push({
          subject,
          finder,
          criteria: Int32Array.from(criteria),
          hint: Uint8Array.from(hint),
        });
      }
  }

  private indexAddresses(wanted: Set<number>): void {
    for (const whose of ['client', 'source'] as const) {
      const criteria = [...wanted].filter((number) => {
        const predicate = this.predicates.list[number];
        return predicate instanceof AddressPredicate && predicate.whose === whose;
      });
      if (criteria.length === 0) continue;
      const map = new AddressMap(
        criteria.map((number) => (this.predicates.list[number] as unknown as AddressPredicate).ranges),
      );
      if (!map.fits) continue;
      for (const number of criteria) wanted.delete(number);
      this.addresses.push({ whose, map, criteria: Int32Array.from(criteria) });
    }
  }
}

/** How a criterion can be found by patterns; null when it cannot. */
function textParts<V>(predicate: Predicate<V>): {
  subject: Subject<V>;
  operator: TextOperator;
  fold: boolean;
  patterns: readonly Uint8Array[];
  hint: boolean;
} | null {
  if (predicate instanceof TextPredicate) {
    const { subject, operator, patterns, fold } = predicate as TextPredicate<V>;
    // Nothing stands in every text, which an index of what stands in a text does not say.
    if (operator === 'contains' && patterns.some((pattern) => pattern.length === 0)) return null;
    return { subject, operator, fold, patterns, hint: false };
  }
  if (predicate instanceof RegexPredicate) {
    const { subject, expressions } = predicate as RegexPredicate<V>;
    if (expressions.length === 0 || expressions.some((e) => e.literal.length < 2)) return null;
    const { fold } = expressions[0]!;
    return { subject, operator: 'contains', fold, patterns: expressions.map((e) => e.literal), hint: true };
  }
  return null;
}

/** Whether a criterion can be indexed, and how few messages it may be expected to hold for: 0 is best, -1 cannot. */
export function indexRank<V>(predicate: Predicate<V>): number {
  if (predicate instanceof AddressPredicate) return 2;
  const parts = textParts(predicate);
  if (parts === null) return -1;
  return { equals: 0, ends_with: 1, begins_with: 1, contains: 3 }[parts.operator];
}
