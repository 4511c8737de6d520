import { Hits } from './hits.js';
import { finderOf, type Predicate, TextPredicate, type TextOperator } from './predicate.js';
import { located, type Subject } from './subject.js';

/** Criteria of one subject and one operator, answered together in one pass over the text. */
export class Group<V> {
  private readonly patterns: Uint8Array[] = [];
  private readonly criteria: number[] = [];
  private finder: ReturnType<typeof finderOf> = null;
  /** Numbers of the criteria that hold for the message of `epoch`. */
  readonly hits = new Hits();
  epoch = 0;

  constructor(
    readonly subject: Subject<V>,
    private readonly operator: TextOperator,
    private readonly fold: boolean,
  ) {}

  add(criterion: number, patterns: readonly Uint8Array[]): void {
    for (const pattern of patterns) {
      this.patterns.push(pattern);
      this.criteria.push(criterion);
    }
  }

  get size(): number {
    return this.patterns.length;
  }

  /** @returns false when there are too many patterns to be looked for at once */
  build(): boolean {
    this.finder = finderOf(this.operator, this.patterns, this.fold);
    return this.finder !== null;
  }

  ask(view: V, epoch: number): void {
    const { subject, finder, hits, criteria } = this;
    this.epoch = epoch;
    hits.count = 0;
    for (let at = subject.next(view, 0); at >= 0; at = subject.next(view, at))
      finder!.find(located.b, located.start, located.end, hits);
    for (let i = 0; i < hits.count; i++) hits.list[i] = criteria[hits.list[i]!]!;
  }
}

/** The distinct criteria of several rule sets: each is asked once a message, however many rules have it. */
export class Predicates<V> {
  readonly list: Predicate<V>[] = [];
  private readonly numbers = new Map<string, number>();
  /** Group of each criterion that is in one. */
  private groups: (Group<V> | null)[] = [];
  /** Answer per criterion, and for which message: `epoch * 2 + answer`. */
  private answers = new Int32Array(64);
  epoch = 0;

  /** The number of a criterion; `key` is the same for the same question. */
  number(key: string, make: () => Predicate<V>): number {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const predicate = make();
    const number = this.list.push(predicate) - 1;
    this.numbers.set(key, number);
    this.groups.push(null);
    if (number >= this.answers.length) this.answers = new Int32Array(this.answers.length * 2);
    return number;
  }

  /** All criteria are known: those that can be answered together are put together. */
  seal(): void {
    const all = new Map<Subject<V>, Map<string, { group: Group<V>; criteria: number[] }>>();
    for (const [number, predicate] of this.list.entries()) {
      if (!(predicate instanceof TextPredicate)) continue;
      const { subject, operator, patterns, fold } = predicate as TextPredicate<V>;
      // Nothing stands in every text, which a search for what stands in a text does not say.
      if (operator === 'contains' && patterns.some((pattern) => pattern.length === 0)) continue;
      const bySubject = all.get(subject) ?? new Map<string, { group: Group<V>; criteria: number[] }>();
      all.set(subject, bySubject);
      const key = `${operator} ${fold}`;
      const entry = bySubject.get(key) ?? { group: new Group(subject, operator, fold), criteria: [] };
      bySubject.set(key, entry);
      entry.group.add(number, patterns);
      entry.criteria.push(number);
    }
    for (const bySubject of all.values())
      for (const { group, criteria } of bySubject.values())
        if (group.build()) for (const number of criteria) this.groups[number] = group;
  }

  groupOf(number: number): Group<V> | null {
    return this.groups[number]!;
  }

  /** Another message: nothing is known. */
  begin(): void {
    this.epoch++;
    if (this.epoch < 0x3fff_ffff) return;
    this.answers.fill(0);
    for (const group of this.groups) if (group !== null) group.epoch = 0;
    this.epoch = 1;
  }

  /** Found out by other means. */
  learn(number: number, answer: boolean): void {
    this.answers[number] = this.epoch * 2 + (answer ? 1 : 0);
  }

  /** Asks all criteria of a group; those that hold are in its `hits`. */
  ask(group: Group<V>, view: V): void {
    if (group.epoch === this.epoch) return;
    group.ask(view, this.epoch);
    const { list, count } = group.hits;
    const yes = this.epoch * 2 + 1;
    for (let i = 0; i < count; i++) this.answers[list[i]!] = yes;
  }

  holds(number: number, view: V): boolean {
    const known = this.answers[number]!;
    if (known >> 1 === this.epoch) return (known & 1) === 1;
    const group = this.groups[number]!;
    if (group !== null) {
      this.ask(group, view);
      return this.answers[number] === this.epoch * 2 + 1;
    }
    const answer = this.list[number]!.test(view);
    this.learn(number, answer);
    return answer;
  }
}
