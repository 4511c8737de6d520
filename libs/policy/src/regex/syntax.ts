import type { ByteSet } from './byte-set.js';

/** Where a match must be: at the start or the end of the text, at a boundary of a word or not at one. */
export type Assertion = 'start' | 'end' | 'word' | 'not_word';

export type Node =
  | { readonly type: 'set'; readonly set: ByteSet }
  | { readonly type: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly type: 'choice'; readonly nodes: readonly Node[] }
  /** `max` -1 is without end; `lazy` prefers fewer. */
  | {
      readonly type: 'repeat';
      readonly node: Node;
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
    }
  | { readonly type: 'group'; readonly node: Node; readonly index: number }
  | { readonly type: 'assertion'; readonly assertion: Assertion };

/** A regular expression that is malformed, or that has no linear-time meaning. */
export class RegexError extends Error {
  readonly code = 'REGEX_INVALID';
  constructor(
    readonly pattern: string,
    /** Position in the pattern, in UTF-16 units. */
    readonly at: number,
    readonly detail: string,
  ) {
    super(`${detail} at position ${at} of ${JSON.stringify(pattern)}`);
    this.name = 'RegexError';
  }
}
