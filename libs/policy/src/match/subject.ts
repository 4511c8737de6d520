import { AS_IS, FOLD, standsAt } from './bytes.js';
import { type FieldsView, NAME_END, NAME_START, VALUE_START, type RequestView } from './view.js';

/** A text that was located. */
export const located: { b: Uint8Array; start: number; end: number } = {
  b: new Uint8Array(0),
  start: 0,
  end: 0,
};

/** What a test looks at: it may occur several times in a message, or not at all. */
export interface Subject<V> {
  /**
   * Locates the next occurrence.
   * @param from 0 for the first; else what was returned for the one before
   * @returns -1 when there is none
   */
  next(view: V, from: number): number;
}

function locate(b: Uint8Array, start: number, end: number): number {
  located.b = b;
  located.start = start;
  located.end = end;
  return 1;
}

/** The host of the request without a trailing dot, with or without its port. */
export class HostSubject implements Subject<RequestView> {
  constructor(private readonly withPort: boolean) {}

  next(view: RequestView, from: number): number {
    if (from > 0 || view.hostField < 0) return -1;
    const { b } = view;
    const start = view.at(view.hostField, VALUE_START);
    let end = view.valueEnd(view.hostField);
    if (this.withPort) return locate(b, start, end);
    for (let i = end - 1; i >= start && b[i] !== 93; i--) {
      if (b[i] !== 58) continue;
      end = i;
      break;
    }
    if (end > start + 1 && b[end - 1] === 46) end--;
    return locate(b, start, end);
  }
}

export class PathSubject implements Subject<RequestView> {
  constructor(private readonly decoded: boolean) {}

  next(view: RequestView, from: number): number {
    if (from > 0) return -1;
    if (!this.decoded && view.pathStart < view.pathEnd) return locate(view.b, view.pathStart, view.pathEnd);
    const normal = view.normalPath();
    return locate(normal.b, normal.start, normal.end);
  }
}

export class QuerySubject implements Subject<RequestView> {
  constructor(private readonly decoded: boolean) {}

  next(view: RequestView, from: number): number {
    if (from > 0 || !view.hasQuery) return -1;
    if (!this.decoded) return locate(view.b, view.pathEnd + 1, view.targetEnd);
    const length = view.decodeQuery();
    return locate(view.decodedQuery, 0, length);
  }
}

const AMPERSAND = 38;
const EQUALS = 61;

/** The names of the query's parameters. */
export class ParameterSubject implements Subject<RequestView> {
  private readonly query: QuerySubject;
  constructor(decoded: boolean) {
    this.query = new QuerySubject(decoded);
  }

  next(view: RequestView, from: number): number {
    if (this.query.next(view, 0) < 0) return -1;
    const { b, start, end } = located;
    const at = start + from;
    if (at > end || (at === end && from > 0)) return -1;
    let i = at;
    while (i < end && b[i] !== AMPERSAND && b[i] !== EQUALS) i++;
    locate(b, at, i);
    while (i < end && b[i] !== AMPERSAND) i++;
    return i - start + 1;
  }
}

/** The value of the first parameter of that name, as it was sent; one without a value has an empty one. */
export class ParameterValueSubject implements Subject<RequestView> {
  private readonly name: Uint8Array;
  constructor(name: string) {
    this.name = Buffer.from(name, 'latin1');
  }

  next(view: RequestView, from: number): number {
    if (from > 0 || !view.hasQuery) return -1;
    const { b, targetEnd } = view;
    for (let at = view.pathEnd + 1; at <= targetEnd; at++) {
      let nameEnd = at;
      while (nameEnd < targetEnd && b[nameEnd] !== AMPERSAND && b[nameEnd] !== EQUALS) nameEnd++;
      let end = nameEnd;
      while (end < targetEnd && b[end] !== AMPERSAND) end++;
      if (nameEnd - at === this.name.length && standsAt(AS_IS, b, at, this.name))
        return locate(b, Math.min(nameEnd + 1, end), end);
      at = end;
    }
    return -1;
  }
}

/** Each line of a header. */
export class HeaderSubject<V extends FieldsView> implements Subject<V> {
  private readonly name: Uint8Array;
  constructor(name: string) {
    this.name = Buffer.from(name.toLowerCase(), 'latin1');
  }

  next(view: V, from: number): number {
    const field = findField(view, this.name, from);
    if (field < 0) return -1;
    locate(view.b, view.at(field, VALUE_START), view.valueEnd(field));
    return field + 1;
  }
}

/** Number of the first field of that name (lower case) at or behind `from`; -1 for none. */
export function findField(view: FieldsView, name: Uint8Array, from: number): number {
  for (let field = from; field < view.fieldCount; field++) {
    const start = view.at(field, NAME_START);
    if (view.at(field, NAME_END) - start === name.length && standsAt(FOLD, view.b, start, name)) return field;
  }
  return -1;
}

const COOKIE = Buffer.from('cookie', 'latin1');
const SEMICOLON = 59;
const isBlank = (c: number | undefined): boolean => c === 32 || c === 9;

/** Each value of a cookie; names of cookies are told apart by case (RFC 6265 section 5.4). */
export class CookieSubject implements Subject<RequestView> {
  private readonly name: Uint8Array;
  constructor(name: string) {
    this.name = Buffer.from(name, 'latin1');
  }

  /** @param from the position behind the pair before, plus 1 */
  next(view: RequestView, from: number): number {
    for (let field = findField(view, COOKIE, 0); field >= 0; field = findField(view, COOKIE, field + 1)) {
      const end = view.valueEnd(field);
      const start = view.at(field, VALUE_START);
      if (from > end) continue;
      const next = this.pair(view.b, from > start ? from : start, end);
      if (next >= 0) return next;
    }
    return -1;
  }

  private pair(b: Uint8Array, start: number, end: number): number {
    const { name } = this;
    for (let i = start; i < end;) {
      let stop = i;
      while (stop < end && b[stop] !== SEMICOLON) stop++;
      while (i < stop && isBlank(b[i])) i++;
      const equals = i + name.length;
      if (equals < stop && b[equals] === EQUALS && standsAt(AS_IS, b, i, name)) {
        this.value(b, equals + 1, stop);
        return stop + 1;
      }
      i = stop + 1;
    }
    return -1;
  }

  private value(b: Uint8Array, from: number, to: number): void {
    let start = from;
    let end = to;
    while (start < end && isBlank(b[start])) start++;
    while (end > start && isBlank(b[end - 1])) end--;
    if (end - start > 1 && b[start] === 34 && b[end - 1] === 34) {
      start++;
      end--;
    }
    locate(b, start, end);
  }
}
