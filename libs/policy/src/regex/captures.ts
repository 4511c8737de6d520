import { has, WORD } from './byte-set.js';
import { holds } from './dfa.js';
import { OP, type Program } from './program.js';

interface Thread {
  readonly pc: number;
  readonly slots: Int32Array;
}

/**
 * Positions of the match that Perl would find, and of its groups: `[start, end]` of the whole, then of each group, -1
 * where a group took no part; null without a match. All threads run side by side in the order of preference, so that
 * the cost is bounded as for `Matcher`, with a larger factor: it is asked only for rules that use what was captured.
 */
export function captures(program: Program, b: Uint8Array, start: number, end: number): Int32Array | null {
  const { x, sets } = program;
  const seen = new Int32Array(program.op.length).fill(-1);
  const none = new Int32Array(2 * (program.groups + 1)).fill(-1);
  const unanchored = program.search !== program.anchored;
  let threads: Thread[] = [];
  let found: Int32Array | null = null;
  for (let at = start; at <= end; at++) {
    const next = at < end ? b[at]! : -1;
    const afterWord = at > start && has(WORD, b[at - 1]!);
    const context: Context = { program, seen, at, atStart: at === start, afterWord, next };
    const ready: Thread[] = [];
    let matched = threads.some((thread) => follow(context, thread.pc, thread.slots, ready));
    if (!matched && found === null && (at === start || unanchored))
      matched = follow(context, program.anchored, none, ready);
    // What is less preferred than a match ends with it; what is more preferred may still find a better one.
    if (matched) found = ready.pop()!.slots;
    threads = [];
    for (const { pc, slots } of ready)
      if (next >= 0 && has(sets[x[pc]!]!, next)) threads.push({ pc: pc + 1, slots });
    if (threads.length === 0 && (found !== null || !unanchored)) break;
  }
  return found;
}

interface Context {
  readonly program: Program;
  /** Position at which an instruction was last reached. */
  readonly seen: Int32Array;
  readonly at: number;
  readonly atStart: boolean;
  readonly afterWord: boolean;
  readonly next: number;
}

/** Adds what is reached from `pc` in the order of preference; true when a match is, which then is the last one. */
function follow(context: Context, pc: number, slots: Int32Array, ready: Thread[]): boolean {
  const { op, x, y } = context.program;
  const stack: Thread[] = [{ pc, slots }];
  for (let thread = stack.pop(); thread !== undefined; thread = stack.pop()) {
    const at = thread.pc;
    if (context.seen[at] === context.at) continue;
    context.seen[at] = context.at;
    switch (op[at]!) {
      case OP.JUMP:
        stack.push({ pc: x[at]!, slots: thread.slots });
        break;
      case OP.SPLIT:
        stack.push({ pc: y[at]!, slots: thread.slots }, { pc: x[at]!, slots: thread.slots });
        break;
      case OP.SAVE: {
        const saved = thread.slots.slice();
        saved[x[at]!] = context.at;
        stack.push({ pc: at + 1, slots: saved });
        break;
      }
      case OP.ASSERT:
        if (holds(x[at]!, context.atStart, context.afterWord, context.next))
          stack.push({ pc: at + 1, slots: thread.slots });
        break;
      case OP.SET:
        ready.push(thread);
        break;
      default:
        ready.push(thread);
        return true;
    }
  }
  return false;
}
