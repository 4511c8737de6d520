import { has, WORD } from './byte-set.js';
import { ASSERT, OP, type Program } from './program.js';

/** States kept; more than that and the table begins anew, so that no expression takes more memory. */
const MOST_STATES = 512;

/** States that one text may add: behind them its threads are run without keeping what they find. */
const MOST_NEW = 64;

const UNKNOWN = 0;
const DEAD = -1;
const MATCHED = -2;
const AT_START = 1;
const AFTER_WORD = 2;

/**
 * Finds out whether a text has a match, one table look-up a byte. The table is filled as texts ask for it; what it has
 * not got is worked out by running all threads at once, so that the cost of a byte is bounded by the size of the
 * program whatever the text is: nothing is ever tried twice.
 */
export class Matcher {
  /** Next state by `state * (classes + 1) + class`, 1-based; the last class is the end of the text. */
  private table = new Int32Array(0);
  private states: { pcs: Int32Array; flags: number }[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly width: number;
  private readonly seen: Int32Array;
  private readonly stack: Int32Array;
  private threads: Int32Array;
  private nextThreads: Int32Array;
  private stamp = 0;
  private first = 0;

  constructor(private readonly program: Program) {
    this.width = program.classes + 1;
    this.seen = new Int32Array(program.op.length);
    this.stack = new Int32Array(program.op.length * 2 + 2);
    this.threads = new Int32Array(program.op.length);
    this.nextThreads = new Int32Array(program.op.length);
    this.begin();
  }

  test(b: Uint8Array, start: number, end: number): boolean {
    const { classOf, classes } = this.program;
    const { width } = this;
    let state = this.first;
    let added = 0;
    for (let i = start; i < end; i++) {
      const c = classOf[b[i]!]!;
      let next = this.table[state * width + c]!;
      if (next === UNKNOWN) {
        if (++added > MOST_NEW) return this.simulate(b, i, end, state);
        next = this.step(state, c);
      }
      if (next < 0) return next === MATCHED;
      state = next - 1;
    }
    let last = this.table[state * width + classes]!;
    if (last === UNKNOWN) last = this.step(state, classes);
    return last === MATCHED;
  }

  private begin(): void {
    this.states = [];
    this.numbers.clear();
    this.table = new Int32Array(8 * this.width);
    this.first = this.stateOf([this.program.search], AT_START);
  }

  private stateOf(pcs: readonly number[], flags: number): number {
    const key = `${flags}:${pcs.join()}`;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.states.push({ pcs: Int32Array.from(pcs), flags }) - 1;
    this.numbers.set(key, number);
    if (this.states.length * this.width > this.table.length) {
      const larger = new Int32Array(this.table.length * 2);
      larger.set(this.table);
      this.table = larger;
    }
    return number;
  }

  /** Where `state` goes with a byte of class `c`, or at the end of the text: a state + 1, DEAD or MATCHED. */
  private step(state: number, c: number): number {
    const { pcs, flags } = this.states[state]!;
    const { classes, sample, op, x, sets } = this.program;
    const atEnd = c === classes;
    const byte = atEnd ? -1 : sample[c]!;
    const reached = this.closure(pcs, flags, byte);
    let next: number;
    if (reached === null) next = MATCHED;
    else if (atEnd) next = DEAD;
    else {
      const after: number[] = [];
      for (const pc of reached) if (op[pc] === OP.SET && has(sets[x[pc]!]!, byte)) after.push(pc + 1);
      if (after.length === 0) next = DEAD;
      else {
        after.sort((a, b) => a - b);
        if (this.states.length >= MOST_STATES) {
          this.begin();
          return this.stateOf(after, has(WORD, byte) ? AFTER_WORD : 0) + 1;
        }
        next = this.stateOf(after, has(WORD, byte) ? AFTER_WORD : 0) + 1;
      }
    }
    this.table[state * this.width + c] = next;
    return next;
  }

  /** Runs all threads over the rest of a text, which has come to `state`. */
  private simulate(b: Uint8Array, start: number, end: number, state: number): boolean {
    const { op, x, y, sets } = this.program;
    const { seen, stack } = this;
    let { flags } = this.states[state]!;
    let count = this.states[state]!.pcs.length;
    this.threads.set(this.states[state]!.pcs);
    for (let i = start; i <= end && count > 0; i++) {
      const byte = i < end ? b[i]! : -1;
      const stamp = ++this.stamp;
      const { threads, nextThreads } = this;
      let next = 0;
      for (let t = 0; t < count; t++) {
        let top = 0;
        stack[top++] = threads[t]!;
        while (top > 0) {
          const at = stack[--top]!;
          if (seen[at] === stamp) continue;
          seen[at] = stamp;
          const code = op[at]!;
          if (code === OP.SET) {
            if (byte >= 0 && has(sets[x[at]!]!, byte)) nextThreads[next++] = at + 1;
          } else if (code === OP.SPLIT) {
            stack[top++] = y[at]!;
            stack[top++] = x[at]!;
          } else if (code === OP.JUMP) stack[top++] = x[at]!;
          else if (code === OP.MATCH) return true;
          else if (
            code === OP.SAVE ||
            holds(x[at]!, (flags & AT_START) !== 0, (flags & AFTER_WORD) !== 0, byte)
          )
            stack[top++] = at + 1;
        }
      }
      flags = byte >= 0 && has(WORD, byte) ? AFTER_WORD : 0;
      count = next;
      this.threads = nextThreads;
      this.nextThreads = threads;
    }
    return false;
  }

  /** The instructions that read a byte, reached without reading one; null when a match is. */
  private closure(pcs: Int32Array, flags: number, next: number): number[] | null {
    const { op, x, y } = this.program;
    const stamp = ++this.stamp;
    const { seen, stack } = this;
    const reached: number[] = [];
    let top = 0;
    for (const pc of pcs) {
      stack[top++] = pc;
      while (top > 0) {
        const at = stack[--top]!;
        if (seen[at] === stamp) continue;
        seen[at] = stamp;
        switch (op[at]!) {
          case OP.SET:
            reached.push(at);
            break;
          case OP.SPLIT:
            stack[top++] = y[at]!;
            stack[top++] = x[at]!;
            break;
          case OP.JUMP:
            stack[top++] = x[at]!;
            break;
          case OP.SAVE:
            stack[top++] = at + 1;
            break;
          case OP.ASSERT:
            if (holds(x[at]!, (flags & AT_START) !== 0, (flags & AFTER_WORD) !== 0, next))
              stack[top++] = at + 1;
            break;
          default:
            return null;
        }
      }
    }
    return reached;
  }
}

/** Whether an assertion holds between what came before and `next`, -1 at the end of the text. */
export function holds(assertion: number, atStart: boolean, afterWord: boolean, next: number): boolean {
  switch (assertion) {
    case ASSERT.start:
      return atStart;
    case ASSERT.end:
      return next < 0;
    case ASSERT.word:
      return afterWord !== (next >= 0 && has(WORD, next));
    default:
      return afterWord === (next >= 0 && has(WORD, next));
  }
}
