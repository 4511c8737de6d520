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
  private readonly always: Int32Array;
  private readonly asked: Int32Array;
  /** Words of `asked` in which there is something beside `always`. */
  private readonly touched: Int32Array;
  private touchedCount = 0;
  /** The words in which something may be asked. */
  private from = 0;
  private to = 0;
  private readonly alwaysFrom: number;
  private readonly alwaysTo: number;
  private gathered = -1;
  /** Criteria of each rule, cheap ones first. */
  private readonly rules: readonly Int32Array[];

  /** @param rules numbers of criteria in `predicates`, which is sealed */
  constructor(
    private readonly predicates: Predicates<V>,
    rules: readonly (readonly number[])[],
  ) {
    const { list } = predicates;
    this.rules = rules.map((criteria) =>
      Int32Array.from([...new Set(criteria)].sort((a, b) => list[a]!.cost - list[b]!.cost)),
    );
    const words = (rules.length + 31) >>> 5;
    this.always = new Int32Array(words);
    this.asked = new Int32Array(words);
    this.touched = new Int32Array(words);
    if (rules.length <= FEW) {
      rules.forEach((_, rule) => setBit(this.always, rule));
      this.asked.set(this.always);
      this.alwaysFrom = 0;
      this.alwaysTo = words;
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
    this.asked.set(this.always);
    const used = this.always.findIndex((word) => word !== 0);
    this.alwaysFrom = used < 0 ? words : used;
    this.alwaysTo = this.always.findLastIndex((word) => word !== 0) + 1;
  }

  get size(): number {
    return this.rules.length;
  }

  /** The first rule behind `after` that matches; -1 when none does. */
  first(view: V, after: number): number {
    if (this.rules.length === 0) return -1;
    if (this.gathered !== this.predicates.epoch) this.gather(view);
    const { asked, to } = this;
    let word = (after + 1) >>> 5;
    // Rules up to `after` are masked out of the first word.
    let mask = -1 << ((after + 1) & 31);
    if (word < this.from) {
      word = this.from;
      mask = -1;
    }
    if (word >= to) return -1;
    let bits = asked[word]! & mask;
    for (;;) {
      while (bits !== 0) {
        const rule = (word << 5) + (31 - Math.clz32(bits & -bits));
        if (this.matches(rule, view)) return rule;
        bits &= bits - 1;
      }
      if (++word >= to) return -1;
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
    const { asked, always, touched } = this;
    for (let i = 0; i < this.touchedCount; i++) asked[touched[i]!] = always[touched[i]!]!;
    this.touchedCount = 0;
    this.from = this.alwaysFrom;
    this.to = this.alwaysTo;
    this.index?.find(view, this.ask);
  }

  private readonly ask = (criterion: number): void => {
    const rules = this.rulesOf.get(criterion);
    if (rules === undefined) return;
    const { asked, always, touched } = this;
    let { from, to, touchedCount } = this;
    for (let i = 0; i < rules.length; i++) {
      const rule: number = rules[i]!;
      const word = rule >>> 5;
      if (asked[word] === always[word]) touched[touchedCount++] = word;
      asked[word]! |= 1 << (rule & 31);
      if (word < from) from = word;
      if (word >= to) to = word + 1;
    }
    this.from = from;
    this.to = to;
    this.touchedCount = touchedCount;
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
        const rank = indexRank(this.predicates, criterion);
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

function setBit(bits: Int32Array, at: number): void {
  bits[at >>> 5]! |= 1 << (at & 31);
}
