import { AddressMap } from './address.js';
import { Hits } from './hits.js';
import {
  AddressPredicate,
  finderOf,
  type Predicate,
  RegexPredicate,
  TextPredicate,
  type Whose,
} from './predicate.js';
import type { Group, Predicates } from './predicates.js';
import { located, type Subject } from './subject.js';
import type { RequestView } from './view.js';

/** Strings that texts must hold for an expression to match: the criterion itself has to be asked then. */
interface LiteralIndex<V> {
  readonly subject: Subject<V>;
  readonly finder: { find(b: Uint8Array, start: number, end: number, hits: Hits): void };
  /** Criterion of each pattern. */
  readonly criteria: Int32Array;
}

interface AddressIndex {
  readonly whose: Whose;
  readonly map: AddressMap;
  readonly criteria: Int32Array;
}

const hits = new Hits();

/** Finds, of many criteria, those that can hold for a message, without asking each. */
export class CriteriaIndex<V> {
  private readonly groups: readonly Group<V>[];
  private readonly literals: LiteralIndex<V>[] = [];
  private readonly addresses: AddressIndex[] = [];

  /** @param wanted numbers of criteria; those that cannot be indexed are left in it */
  constructor(
    private readonly predicates: Predicates<V>,
    wanted: Set<number>,
  ) {
    const groups = new Set<Group<V>>();
    for (const number of wanted) {
      const group = predicates.groupOf(number);
      if (group === null) continue;
      groups.add(group);
      wanted.delete(number);
    }
    this.groups = [...groups];
    this.indexLiterals(wanted);
    this.indexAddresses(wanted);
  }

  /** Calls `found` with each criterion that may hold, once or more often; what holds for sure is learnt. */
  find(view: V, found: (criterion: number) => void): void {
    const { predicates, groups, literals, addresses } = this;
    for (let g = 0; g < groups.length; g++) {
      const group = groups[g]!;
      predicates.ask(group, view);
      const { list, count } = group.hits;
      for (let i = 0; i < count; i++) found(list[i]!);
    }
    for (let l = 0; l < literals.length; l++) {
      const { subject, finder, criteria } = literals[l]!;
      for (let at = subject.next(view, 0); at >= 0; at = subject.next(view, at)) {
        hits.count = 0;
        finder.find(located.b, located.start, located.end, hits);
        for (let i = 0; i < hits.count; i++) found(criteria[hits.list[i]!]!);
      }
    }
    for (let a = 0; a < addresses.length; a++) {
      const { whose, map, criteria } = addresses[a]!;
      const { key } = (view as unknown as RequestView)[whose];
      if (key === null) continue;
      for (const set of map.find(key)) {
        predicates.learn(criteria[set]!, true);
        found(criteria[set]!);
      }
    }
  }

  private indexLiterals(wanted: Set<number>): void {
    const bySubject = new Map<
      string,
      { subject: Subject<V>; fold: boolean; patterns: Uint8Array[]; criteria: number[] }
    >();
    const subjects = new Map<Subject<V>, number>();
    for (const number of wanted) {
      const predicate = this.predicates.list[number]!;
      if (!hasLiterals(predicate)) continue;
      const { subject, expressions } = predicate;
      const { fold } = expressions[0]!;
      if (!subjects.has(subject)) subjects.set(subject, subjects.size);
      const key = `${subjects.get(subject)} ${fold}`;
      const entry = bySubject.get(key) ?? { subject, fold, patterns: [], criteria: [] };
      bySubject.set(key, entry);
      for (const { literal } of expressions) {
        entry.patterns.push(literal);
        entry.criteria.push(number);
      }
    }
    for (const { subject, fold, patterns, criteria } of bySubject.values()) {
      const finder = finderOf('contains', patterns, fold);
      if (finder === null) continue;
      for (const number of criteria) wanted.delete(number);
      this.literals.push({ subject, finder, criteria: Int32Array.from(criteria) });
    }
  }

  private indexAddresses(wanted: Set<number>): void {
    for (const whose of ['client', 'source'] as const) {
      const criteria: number[] = [];
      const sets: AddressPredicate['ranges'][] = [];
      for (const number of wanted) {
        const predicate: unknown = this.predicates.list[number];
        if (!(predicate instanceof AddressPredicate) || predicate.whose !== whose) continue;
        criteria.push(number);
        sets.push(predicate.ranges);
      }
      const map = new AddressMap(sets);
      if (criteria.length === 0 || !map.fits) continue;
      for (const number of criteria) wanted.delete(number);
      this.addresses.push({ whose, map, criteria: Int32Array.from(criteria) });
    }
  }
}

/** Every expression of the criterion says a string that has to be there, long enough to be rare. */
const hasLiterals = <V>(predicate: Predicate<V>): predicate is RegexPredicate<V> =>
  predicate instanceof RegexPredicate &&
  predicate.expressions.length > 0 &&
  predicate.expressions.every((e) => e.literal.length >= 2);

const RANK = { equals: 0, ends_with: 1, begins_with: 1, contains: 3 } as const;

/** Whether a criterion can be indexed, and how few messages it may be expected to hold for: 0 is best, -1 cannot. */
export function indexRank<V>(predicates: Predicates<V>, number: number): number {
  const predicate = predicates.list[number]!;
  if (predicate instanceof AddressPredicate) return 2;
  if (hasLiterals(predicate)) return 3;
  return predicate instanceof TextPredicate && predicates.groupOf(number) !== null
    ? RANK[predicate.operator]
    : -1;
}
