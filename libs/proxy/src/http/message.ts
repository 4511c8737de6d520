import { latin1Text } from '../bytes.js';
import { NAME_END, LINE, VALUE_END, VALUE_START, type Head } from '../http1/head.js';
import { TOKEN } from '../http1/tables.js';

/**
 * A scanned head for who asks questions about it: strings are made when asked for, and only then. Valid during the
 * call that it is given to.
 */
export class Message {
  b!: Uint8Array;
  head!: Head;

  of(b: Uint8Array, head: Head): this {
    this.b = b;
    this.head = head;
    return this;
  }

  /** One of METHOD. */
  get methodId(): number {
    return this.head.method;
  }

  get method(): string {
    return latin1Text(this.b, this.head.start, this.head.methodEnd);
  }

  get status(): number {
    return this.head.status;
  }

  /** Where path and query start in `b`; they end at `head.targetEnd`. */
  get pathStart(): number {
    return this.head.targetStart;
  }

  /** Where the path ends: at `?`, or at the end of the target. */
  get pathEnd(): number {
    const { b, head } = this;
    let i = this.pathStart;
    while (i < head.targetEnd && b[i] !== QUESTION) i++;
    return i;
  }

  /** As it came: neither decoded nor normalised. `*` for a whole server. */
  get path(): string {
    return latin1Text(this.b, this.pathStart, this.pathEnd);
  }

  /** Without the question mark; empty without one. */
  get query(): string {
    const { pathEnd } = this;
    return pathEnd < this.head.targetEnd ? latin1Text(this.b, pathEnd + 1, this.head.targetEnd) : '';
  }

  /** Host (of a target in absolute form its authority); empty without one. */
  get host(): string {
    return this.head.hostField < 0 ? '' : this.value(this.head.hostField);
  }

  /**
   * Number of the first field of that name at or behind `from`; -1 when there is none.
   * @param lowerCase the name in lower case
   */
  find(lowerCase: string, from = 0): number {
    const { head, b } = this;
    for (let k = from; k < head.count; k++) {
      const start = head.at(k, LINE);
      const length = head.at(k, NAME_END) - start;
      if (length !== lowerCase.length) continue;
      let i = 0;
      while (i < length && TOKEN[b[start + i]!] === lowerCase.charCodeAt(i)) i++;
      if (i === length) return k;
    }
    return -1;
  }

  /** Value of a field by its number, without white space around it. */
  value(field: number): string {
    const { head, b } = this;
    const start = head.at(field, VALUE_START);
    let end = head.at(field, VALUE_END);
    while (end > start && (b[end - 1] === 32 || b[end - 1] === 9)) end--;
    return latin1Text(b, start, end);
  }

  name(field: number): string {
    return latin1Text(this.b, this.head.at(field, LINE), this.head.at(field, NAME_END));
  }

  /**
   * Value of the field; values of several lines joined by `, ` as RFC 9110 section 5.3 allows; null without one.
   * @param lowerCase the name in lower case
   */
  header(lowerCase: string): string | null {
    let k = this.find(lowerCase);
    if (k < 0) return null;
    let value = this.value(k);
    const glue = lowerCase === 'cookie' ? '; ' : ', ';
    while ((k = this.find(lowerCase, k + 1)) >= 0) value += glue + this.value(k);
    return value;
  }

  /** Value of the first cookie of that name (names are case-sensitive, RFC 6265); null without one. */
  cookie(name: string): string | null {
    for (let k = this.find('cookie'); k >= 0; k = this.find('cookie', k + 1)) {
      for (const pair of this.value(k).split(';')) {
        const at = pair.indexOf('=');
        if (at > 0 && pair.slice(0, at).trim() === name) return unquoted(pair.slice(at + 1).trim());
      }
    }
    return null;
  }
}

const unquoted = (value: string): string =>
  value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;

const QUESTION = 63;

export const requestMessage = new Message();
export const responseMessage = new Message();
