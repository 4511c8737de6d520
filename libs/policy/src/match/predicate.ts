import type { AddressRange } from '@spillway/snapshot';
import type { Regex } from '../regex/index.js';
import { AddressMap } from './address.js';
import { Automaton } from './automaton.js';
import { AS_IS, FOLD, standsAt } from './bytes.js';
import { Hits } from './hits.js';
import { PatternTable } from './pattern-table.js';
import { located, type Subject } from './subject.js';
import type { Peer, RequestView, ResponseView } from './view.js';

/** One criterion of a rule: a question that a message answers with yes or no, always the same. */
export interface Predicate<V> {
  test(view: V): boolean;
  /** Rough cost, to ask cheap ones first. */
  readonly cost: number;
}

export type TextOperator = 'equals' | 'begins_with' | 'ends_with' | 'contains';
const hits = new Hits();

/** Patterns up to this number are tried one after the other. */
const FEW = 8;

/** Finds the patterns that a text fits by one operator, by the means that suits their number. */
export class PatternFinder {
  private readonly finder: { find(b: Uint8Array, start: number, end: number, found: Hits): void } | null;
  private readonly table: Uint8Array;
  private readonly always: boolean;

  constructor(
    readonly operator: TextOperator,
    private readonly patterns: readonly Uint8Array[],
    fold: boolean,
  ) {
    this.table = fold ? FOLD : AS_IS;
    // Every text holds nothing.
    this.always = operator !== 'equals' && patterns.some((pattern) => pattern.length === 0);
    this.finder = patterns.length <= FEW || this.always ? null : finderOf(operator, patterns, fold);
  }

  test(b: Uint8Array, start: number, end: number): boolean {
    if (this.always) return true;
    if (this.finder !== null) {
      hits.count = 0;
      this.finder.find(b, start, end, hits);
      return hits.count > 0;
    }
    for (const pattern of this.patterns) if (this.fits(pattern, b, start, end)) return true;
    return false;
  }

  private fits(pattern: Uint8Array, b: Uint8Array, start: number, end: number): boolean {
    const room = end - start - pattern.length;
    if (room < 0) return false;
    switch (this.operator) {
      case 'equals':
        return room === 0 && standsAt(this.table, b, start, pattern);
      case 'begins_with':
        return standsAt(this.table, b, start, pattern);
      case 'ends_with':
        return standsAt(this.table, b, end - pattern.length, pattern);
      case 'contains':
      default:
        for (let i = start; i <= start + room; i++) if (standsAt(this.table, b, i, pattern)) return true;
        return false;
    }
  }
}

/** Null where the patterns are too many to be looked for at once. */
export function finderOf(
  operator: TextOperator,
  patterns: readonly Uint8Array[],
  fold: boolean,
): PatternTable | Automaton | null {
  if (operator === 'contains') return Automaton.fits(patterns) ? new Automaton(patterns, fold) : null;
  const place = operator === 'equals' ? 'whole' : operator === 'begins_with' ? 'prefix' : 'suffix';
  return new PatternTable(patterns, place, fold);
}

/** Some occurrence of a text fits some pattern. */
export class TextPredicate<V> implements Predicate<V> {
  readonly cost: number;
  private readonly finder: PatternFinder;
  constructor(
    readonly subject: Subject<V>,
    readonly operator: TextOperator,
    readonly patterns: readonly Uint8Array[],
    readonly fold: boolean,
  ) {
    this.finder = new PatternFinder(operator, patterns, fold);
    this.cost = operator === 'contains' ? 6 : 4;
  }

  test(view: V): boolean {
    for (let at = this.subject.next(view, 0); at >= 0; at = this.subject.next(view, at))
      if (this.finder.test(located.b, located.start, located.end)) return true;
    return false;
  }
}

/** Some occurrence of a text matches some expression. */
export class RegexPredicate<V> implements Predicate<V> {
  readonly cost = 20;
  constructor(
    readonly subject: Subject<V>,
    readonly expressions: readonly Regex[],
  ) {}

  test(view: V): boolean {
    for (let at = this.subject.next(view, 0); at >= 0; at = this.subject.next(view, at)) {
      const { b, start, end } = located;
      for (const expression of this.expressions) if (expression.test(b, start, end)) return true;
    }
    return false;
  }
}

export class ExistsPredicate<V> implements Predicate<V> {
  readonly cost = 3;
  constructor(readonly subject: Subject<V>) {}

  test(view: V): boolean {
    return this.subject.next(view, 0) >= 0;
  }
}

export class NotPredicate<V> implements Predicate<V> {
  readonly cost: number;
  constructor(
    private readonly predicates: {
      readonly list: readonly Predicate<V>[];
      holds(number: number, view: V): boolean;
    },
    private readonly inner: number,
  ) {
    this.cost = predicates.list[inner]!.cost;
  }

  test(view: V): boolean {
    return !this.predicates.holds(this.inner, view);
  }
}

export class AnyPredicate<V> implements Predicate<V> {
  readonly cost = 8;
  constructor(private readonly inner: readonly Predicate<V>[]) {}

  test(view: V): boolean {
    return this.inner.some((predicate) => predicate.test(view));
  }
}

/** Whose address. */
export type Whose = 'client' | 'source';

/** What comes from somewhere. */
type Peers = Readonly<Record<Whose, Peer>>;

export class AddressPredicate implements Predicate<Peers> {
  readonly cost = 2;
  private readonly map: AddressMap;
  constructor(
    readonly whose: Whose,
    readonly ranges: readonly AddressRange[],
  ) {
    this.map = new AddressMap([ranges]);
  }

  test(view: Peers): boolean {
    const { key } = view[this.whose];
    return key !== null && this.map.find(key).length > 0;
  }
}

export class MethodPredicate implements Predicate<RequestView> {
  readonly cost = 1;
  private readonly methods: readonly Uint8Array[];
  constructor(methods: readonly string[]) {
    this.methods = methods.map((method) => Buffer.from(method, 'latin1'));
  }

  test(view: RequestView): boolean {
    const { b, methodStart, methodEnd } = view;
    for (const method of this.methods)
      if (method.length === methodEnd - methodStart && standsAt(AS_IS, b, methodStart, method)) return true;
    return false;
  }
}

/** A small number of the message is one of these. */
export class NumberPredicate<V> implements Predicate<V> {
  readonly cost = 1;
  private readonly set: Uint8Array;
  constructor(
    private readonly read: (view: V) => number,
    ranges: readonly { readonly begin: number; readonly end: number }[],
  ) {
    this.set = new Uint8Array(ranges.reduce((most, r) => Math.max(most, r.end + 1), 0));
    for (const { begin, end } of ranges) this.set.fill(1, begin, end + 1);
  }

  test(view: V): boolean {
    return this.set[this.read(view)] === 1;
  }
}

export const readPort = (view: RequestView): number => view.port;
export const readVersion = (view: RequestView): number => view.version;
export const readSecure = (view: RequestView): number => (view.secure ? 1 : 0);
export const readStatus = (view: ResponseView): number => view.status;
