import {
  addAll,
  addRange,
  add,
  complement,
  emptySet,
  foldSet,
  NOT_NEWLINE,
  POSIX,
  setOf,
} from './byte-set.js';
import type { ByteSet } from './byte-set.js';
import { escapedClass, escapedByte } from './escapes.js';
import { RegexError, type Node } from './syntax.js';

/** Longest bound of a counted repetition. */
const MOST_REPEATS = 1000;
/** Deepest nesting of groups. */
const MOST_DEPTH = 100;

export interface Parsed {
  readonly node: Node;
  /** Number of capturing groups. */
  readonly groups: number;
}

/**
 * Reads a regular expression in the syntax of Perl, without what cannot be matched in linear time: references back,
 * looking around, atomic and possessive groups, recursion, conditions. It works on bytes; a character outside ASCII
 * stands for its UTF-8 bytes.
 * @param fold letters match either case
 * @throws {RegexError}
 */
export function parseRegex(pattern: string, fold: boolean): Parsed {
  return new Parser(pattern, fold).parse();
}

class Parser {
  private at = 0;
  private groups = 0;
  private depth = 0;

  constructor(
    private readonly pattern: string,
    private fold: boolean,
  ) {}

  parse(): Parsed {
    const node = this.choice();
    if (this.at < this.pattern.length) throw this.error('unmatched )');
    return { node, groups: this.groups };
  }

  private choice(): Node {
    const nodes = [this.sequence()];
    while (this.take('|')) nodes.push(this.sequence());
    return nodes.length === 1 ? nodes[0]! : { type: 'choice', nodes };
  }

  private sequence(): Node {
    const nodes: Node[] = [];
    while (this.at < this.pattern.length && this.peek() !== '|' && this.peek() !== ')') {
      const atom = this.atom();
      if (atom !== undefined) nodes.push(this.repeated(atom));
    }
    return nodes.length === 1 ? nodes[0]! : { type: 'sequence', nodes };
  }

  private repeated(node: Node): Node {
    const bounds = this.bounds();
    if (bounds === undefined) return node;
    if (this.peek() === '+') throw this.error('possessive repetition is not supported');
    const lazy = this.take('?');
    if (this.bounds() !== undefined) throw this.error('repetition of a repetition');
    return { type: 'repeat', node, min: bounds[0], max: bounds[1], lazy };
  }

  private bounds(): readonly [number, number] | undefined {
    if (this.take('*')) return [0, -1];
    if (this.take('+')) return [1, -1];
    if (this.take('?')) return [0, 1];
    const counted = /^\{(\d+)(,(\d*))?\}/.exec(this.pattern.slice(this.at, this.at + 24));
    if (counted === null) return undefined;
    const min = Number(counted[1]);
    const max = counted[2] === undefined ? min : counted[3] === '' ? -1 : Number(counted[3]);
    if (min > MOST_REPEATS || max > MOST_REPEATS)
      throw this.error(`a repetition counts to ${MOST_REPEATS} at most`);
    if (max !== -1 && max < min) throw this.error('the bounds of a repetition are in the wrong order');
    this.at += counted[0].length;
    return [min, max];
  }

  /** Undefined for what sets a flag only. */
  private atom(): Node | undefined {
    switch (this.peek()!) {
      case '(':
        return this.group();
      case '[':
        return this.byteSet(this.bracket());
      case '.':
        this.at++;
        return { type: 'set', set: NOT_NEWLINE };
      case '^':
        this.at++;
        return { type: 'assertion', assertion: 'start' };
      case '$':
        this.at++;
        return { type: 'assertion', assertion: 'end' };
      case '*':
      case '+':
      case '?':
        throw this.error('nothing to repeat');
      case '\\':
        return this.escape();
      default:
        return this.literal();
    }
  }

  private literal(): Node {
    const code = this.pattern.codePointAt(this.at)!;
    const text = String.fromCodePoint(code);
    this.at += text.length;
    if (code < 128) return this.byteSet(setOf(code));
    return {
      type: 'sequence',
      nodes: [...new TextEncoder().encode(text)].map((byte) => ({ type: 'set', set: setOf(byte) })),
    };
  }

  private byteSet(set: ByteSet): Node {
    return { type: 'set', set: this.fold ? foldSet(set) : set };
  }

  private escape(): Node {
    const start = this.at++;
    const c = this.pattern[this.at];
    if (c === undefined) throw this.error('\\ at the end');
    const assertion = ASSERTIONS[c];
    if (assertion !== undefined) {
      this.at++;
      return { type: 'assertion', assertion };
    }
    const set = escapedClass(c);
    if (set !== undefined) {
      this.at++;
      return { type: 'set', set };
    }
    if (/[1-9gk]/.test(c)) throw this.error('a reference back is not supported', start);
    return this.byteSet(setOf(this.byte()));
  }

  /** The byte that the escape at `at` (behind the backslash) stands for. */
  private byte(): number {
    const found = escapedByte(this.pattern, this.at);
    if (found === undefined)
      throw this.error(`\\${this.pattern[this.at] ?? ''} is not supported`, this.at - 1);
    this.at = found.next;
    return found.byte;
  }

  private group(): Node | undefined {
    const start = this.at++;
    if (++this.depth > MOST_DEPTH) throw this.error('groups are nested too deep', start);
    const outer = this.fold;
    let index = -1;
    if (this.take('?')) {
      const kind = /^(:|P?<([A-Za-z_]\w*)>|(i)(-?)([):])|(-i)([):]))/.exec(this.pattern.slice(this.at));
      if (kind === null) throw this.error('this kind of group is not supported', start);
      this.at += kind[0].length;
      if (kind[3] !== undefined || kind[6] !== undefined) {
        this.fold = kind[3] !== undefined;
        if (kind[0].endsWith(')')) {
          this.depth--;
          return undefined;
        }
      }
      if (kind[2] !== undefined) index = ++this.groups;
    } else index = ++this.groups;
    const inner = this.choice();
    if (!this.take(')')) throw this.error('unclosed (', start);
    this.fold = outer;
    this.depth--;
    return index < 0 ? inner : { type: 'group', node: inner, index };
  }

  private bracket(): ByteSet {
    const start = this.at++;
    const negated = this.take('^');
    const set = emptySet();
    for (let first = true; first || this.peek() !== ']'; first = false) {
      if (this.at >= this.pattern.length) throw this.error('unclosed [', start);
      const low = this.member(set);
      if (low < 0) continue;
      const isRange =
        this.peek() === '-' && this.pattern[this.at + 1] !== ']' && this.at + 1 < this.pattern.length;
      if (!isRange) {
        add(set, low);
        continue;
      }
      this.at++;
      const high = this.member(set);
      if (high < low) throw this.error('a range in the wrong order');
      addRange(set, low, high);
    }
    this.at++;
    return negated ? complement(this.fold ? foldSet(set) : set) : set;
  }

  /** One byte; -1 when a whole class was added. */
  private member(set: ByteSet): number {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.pattern.slice(this.at, this.at + 16));
    if (posix !== null) {
      const named = POSIX[posix[2]!];
      if (named === undefined) throw this.error(`no class is named ${posix[2]}`);
      addAll(set, posix[1] === '' ? named : complement(named));
      this.at += posix[0].length;
      return -1;
    }
    const c = this.pattern[this.at]!;
    if (c !== '\\') {
      if (c.charCodeAt(0) > 127) throw this.error('a class in brackets holds ASCII only');
      this.at++;
      return c.charCodeAt(0);
    }
    this.at++;
    const escaped = this.pattern[this.at];
    if (escaped === undefined) throw this.error('\\ at the end');
    if (escaped === 'b') {
      this.at++;
      return 8;
    }
    const shorthand = escapedClass(escaped);
    if (shorthand === undefined) return this.byte();
    addAll(set, shorthand);
    this.at++;
    return -1;
  }

  private peek(): string | undefined {
    return this.pattern[this.at];
  }

  private take(c: string): boolean {
    if (this.pattern[this.at] !== c) return false;
    this.at++;
    return true;
  }

  private error(detail: string, at = this.at): RegexError {
    return new RegexError(this.pattern, at, detail);
  }
}

const ASSERTIONS: Readonly<Record<string, 'start' | 'end' | 'word' | 'not_word'>> = {
  A: 'start',
  z: 'end',
  Z: 'end',
  b: 'word',
  B: 'not_word',
};
