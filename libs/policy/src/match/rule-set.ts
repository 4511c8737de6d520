import type { Predicates } from './predicates.js';
import { CriteriaIndex, indexRank } from './rule-index.js';

/** Up to so many rules are gone through without an index. */
const FEW = 6;

/**
 * Rules in the order in which they are asked, each a list of criteria that all have to hold. Each rule is entered
 * under the one of its criteria that the fewest rules share; what a message looks like then leads to the few rules
 * that can match, and only these are asked, in order. Rules without such a criterion are always asked.
 */
export class RuleSet<V> {
  private readonly index: CriteriaIndex<V> | null = null;
  /** Rules entered under a criterion. */
  private readonly rulesOf = new Map<number, Int32Array>();
  /** Bits of the rules that are always asked, and of those to be asked for this message. */
  private readonly always: Uint32Array;
  private readonly asked: Uint32Array;
  private gathered = -1;
  /** Criteria of each rule, cheap ones first. */
  private readonly rules: readonly Int32Array[];

  /** @param rules numbers of criteria in `predicates` */
  constructor(
    private readonly predicates: Predicates<V>,
    rules: readonly (readonly number[])[],
  ) {
    const { list } = predicates;
    this.rules = rules.map((criteria) =>
      Int32Array.from([...new Set(criteria)].sort((a, b) => list[a]!.cost - list[b]!.cost)),
    );
    const words = (rules.length + 31) >>> 5;
    this.always = new Uint32Array(words);
    this.asked = new Uint32Array(words);
    if (rules.length <= FEW) {
      rules.forEach((_, rule) => setBit(this.always, rule));
      return;
    }
    const entries = this.entries();
    const left = new Set(entries.filter((criterion) => criterion >= 0));
    this.index = new CriteriaIndex(predicates, left);
    const lists = new Map<number, number[]>();
    entries.forEach((criterion, rule) => {
      if (criterion < 0 || left.has(criterion)) setBit(this.always, rule);
      else lists.set(criterion, [...(lists.get(criterion) ?? []), rule]);
    });
    for (const [criterion, list_] of lists) this.rulesOf.set(criterion, Int32Array.from(list_));
  }

  get size(): number {
    return this.rules.length;
  }

  /** The first rule behind `after` that matches; -1 when none does. */
  first(view: V, after: number): number {
    if (this.rules.length === 0) return -1;
    if (this.gathered !== this.predicates.epoch) this.gather(view);
    const { asked } = this;
    let word = (after + 1) >>> 5;
    if (word >= asked.length) return -1;
    // Rules up to `after` are masked out of the first word.
    let bits = asked[word]! & (-1 << ((after + 1) & 31));
    for (;;) {
      while (bits !== 0) {
        const rule = (word << 5) + (31 - Math.clz32(bits & -bits));
        if (this.matches(rule, view)) return rule;
        bits &= bits - 1;
      }
      if (++word >= asked.length) return -1;
      bits = asked[word]!;
    }
  }

  /** Whether one rule matches, by itself. */
  matches(rule: number, view: V): boolean {
    const { predicates } = this;
    const criteria = this.rules[rule]!;
    for (let i = 0; i < criteria.length; i++) if (!predicates.holds(criteria[i]!, view)) return false;
    return true;
  }

  private gather(view: V): void {
    this.gathered = this.predicates.epoch;
    this.asked.set(this.always);
    this.index?.find(view, this.ask);
  }

  private readonly ask = (criterion: number): void => {
    const rules = this.rulesOf.get(criterion);
    if (rules !== undefined) for (let i = 0; i < rules.length; i++) setBit(this.asked, rules[i]!);
  };

  /** The criterion that each rule is entered under; -1 for none. */
  private entries(): number[] {
    const users = new Map<number, number>();
    for (const criteria of this.rules)
      for (const criterion of criteria) users.set(criterion, (users.get(criterion) ?? 0) + 1);
    return this.rules.map((criteria) => {
      let best = -1;
      let bestScore = Infinity;
      for (const criterion of criteria) {
        const rank = indexRank(this.predicates.list[criterion]!);
        if (rank < 0) continue;
        const score = users.get(criterion)! * 4 + rank;
        if (score < bestScore) {
          best = criterion;
          bestScore = score;
        }
      }
      return best;
    });
  }
}

function setBit(bits: Uint32Array, at: number): void {
  bits[at >>> 5]! |= 1 << (at & 31);
}
