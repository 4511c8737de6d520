import { captures } from './captures.js';
import { Matcher } from './dfa.js';
import { requiredLiteral } from './literal.js';
import { parseRegex } from './parse.js';
import { compileProgram, type Program } from './program.js';
import { RegexError } from './syntax.js';

export { RegexError } from './syntax.js';

/** Bytes times instructions that finding what was captured may take: some tens of milliseconds at the very worst. */
const MOST_WORK = 4_000_000;
/** Longest pattern, in UTF-16 units. */
export const LONGEST_PATTERN = 4096;

/**
 * A regular expression that takes time linear in the text, whatever pattern and text are (docs/adr, Regular
 * expressions of our own). It looks for a match anywhere in the text unless it is anchored.
 */
export class Regex {
  private readonly program: Program;
  private readonly matcher: Matcher;
  /** What every text with a match holds, in lower case when `fold`. */
  readonly literal: Uint8Array;
  readonly groups: number;

  /** @throws {RegexError} */
  constructor(
    readonly pattern: string,
    readonly fold: boolean,
  ) {
    if (pattern.length > LONGEST_PATTERN)
      throw new RegexError(pattern.slice(0, 40), 0, `longer than ${LONGEST_PATTERN} characters`);
    const parsed = parseRegex(pattern, fold);
    this.program = compileProgram(pattern, parsed.node, parsed.groups);
    this.matcher = new Matcher(this.program);
    this.literal = requiredLiteral(parsed.node, fold);
    this.groups = parsed.groups;
  }

  test(b: Uint8Array, start: number, end: number): boolean {
    return this.matcher.test(b, start, end);
  }

  /**
   * Start and end of the match and of each group in `b`, -1 for one that took no part; null without a match, and for a
   * text of many kilobytes under an expression of hundreds of instructions, which would take too long.
   */
  exec(b: Uint8Array, start: number, end: number): Int32Array | null {
    if ((end - start) * this.program.op.length > MOST_WORK) return null;
    return captures(this.program, b, start, end);
  }
}
