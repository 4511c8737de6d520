import type { Predicate } from './predicate.js';

/** The distinct criteria of several rule sets: each is asked once a message, however many rules have it. */
export class Predicates<V> {
  readonly list: Predicate<V>[] = [];
  private readonly numbers = new Map<string, number>();
  /** Answer per criterion, and for which message: `epoch * 2 + answer`. */
  private answers = new Int32Array(64);
  epoch = 0;

  /** The number of a criterion; `key` is the same for the same question. */
  number(key: string, make: () => Predicate<V>): number {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.list.push(make()) - 1;
    this.numbers.set(key, number);
    if (number >= this.answers.length) this.answers = new Int32Array(this.answers.length * 2);
    return number;
  }

  /** Another message: nothing is known. */
  begin(): void {
    this.epoch++;
    if (this.epoch < 0x3fff_ffff) return;
    this.answers.fill(0);
    this.epoch = 1;
  }

  /** Found out by other means. */
  learn(number: number, answer: boolean): void {
    this.answers[number] = this.epoch * 2 + (answer ? 1 : 0);
  }

  holds(number: number, view: V): boolean {
    const known = this.answers[number]!;
    if (known >> 1 === this.epoch) return (known & 1) === 1;
    const answer = this.list[number]!.test(view);
    this.learn(number, answer);
    return answer;
  }
}
