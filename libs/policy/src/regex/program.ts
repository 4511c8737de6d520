import { type ByteSet, has, WORD } from './byte-set.js';
import { type Assertion, type Node, RegexError } from './syntax.js';

/** Most instructions of one program: what bounds the cost of a byte of text. */
export const MOST_INSTRUCTIONS = 1000;

export const OP = { SET: 0, SPLIT: 1, JUMP: 2, SAVE: 3, ASSERT: 4, MATCH: 5 } as const;

export const ASSERT: Readonly<Record<Assertion, number>> = { start: 0, end: 1, word: 2, not_word: 3 };

/** Instructions for a machine of threads (Thompson, 1968), as parallel arrays. */
export interface Program {
  readonly op: Uint8Array;
  /** SET: number of the set. SPLIT: the preferred way. JUMP: where to. SAVE: slot. ASSERT: which. */
  readonly x: Int32Array;
  /** SPLIT: the other way. */
  readonly y: Int32Array;
  readonly sets: readonly ByteSet[];
  /** Class of each byte: bytes of one class are told apart by no instruction. */
  readonly classOf: Uint8Array;
  readonly classes: number;
  /** A byte of each class. */
  readonly sample: Uint8Array;
  /** Where a search begins, which may start at any place of the text; `anchored` is where a match begins. */
  readonly search: number;
  readonly anchored: number;
  readonly groups: number;
}

/** @throws {RegexError} when it is too large */
export function compileProgram(pattern: string, node: Node, groups: number): Program {
  const emitter = new Emitter(pattern);
  const search = emitter.emit(OP.SPLIT, 3, 1);
  emitter.emit(OP.SET, emitter.setNumber(new Uint32Array(8).fill(0xffffffff)));
  emitter.emit(OP.JUMP, search);
  const anchored = emitter.emit(OP.SAVE, 0);
  emitter.node(node);
  emitter.emit(OP.SAVE, 1);
  emitter.emit(OP.MATCH);
  return {
    op: Uint8Array.from(emitter.op),
    x: Int32Array.from(emitter.x),
    y: Int32Array.from(emitter.y),
    sets: emitter.sets,
    ...byteClasses(emitter.sets, emitter.asksForWords),
    search: startsAtStart(node) ? anchored : search,
    anchored,
    groups,
  };
}

class Emitter {
  readonly op: number[] = [];
  readonly x: number[] = [];
  readonly y: number[] = [];
  readonly sets: ByteSet[] = [];
  asksForWords = false;
  private readonly numbers = new Map<string, number>();

  constructor(private readonly pattern: string) {}

  emit(op: number, x = 0, y = 0): number {
    if (this.op.length >= MOST_INSTRUCTIONS)
      throw new RegexError(this.pattern, 0, 'the expression is too large; count less or choose fewer');
    this.x.push(x);
    this.y.push(y);
    return this.op.push(op) - 1;
  }

  setNumber(set: ByteSet): number {
    const key = set.join();
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    this.numbers.set(key, this.sets.length);
    return this.sets.push(set) - 1;
  }

  node(node: Node): void {
    switch (node.type) {
      case 'set':
        this.emit(OP.SET, this.setNumber(node.set));
        return;
      case 'sequence':
        for (const one of node.nodes) this.node(one);
        return;
      case 'choice':
        this.choice(node.nodes);
        return;
      case 'group':
        this.emit(OP.SAVE, node.index * 2);
        this.node(node.node);
        this.emit(OP.SAVE, node.index * 2 + 1);
        return;
      case 'assertion':
        if (node.assertion === 'word' || node.assertion === 'not_word') this.asksForWords = true;
        this.emit(OP.ASSERT, ASSERT[node.assertion]);
        return;
      case 'repeat':
        this.repeat(node.node, node.min, node.max, node.lazy);
    }
  }

  private choice(nodes: readonly Node[]): void {
    const ends: number[] = [];
    for (const [i, node] of nodes.entries()) {
      if (i === nodes.length - 1) {
        this.node(node);
        break;
      }
      const split = this.emit(OP.SPLIT);
      this.x[split] = split + 1;
      this.node(node);
      ends.push(this.emit(OP.JUMP));
      this.y[split] = this.op.length;
    }
    for (const end of ends) this.x[end] = this.op.length;
  }

  private repeat(node: Node, min: number, max: number, lazy: boolean): void {
    for (let i = 0; i < min; i++) this.node(node);
    if (max === -1) {
      const split = this.split(lazy);
      this.node(node);
      this.emit(OP.JUMP, split);
      this.other(split, lazy);
      return;
    }
    const splits: number[] = [];
    for (let i = min; i < max; i++) {
      splits.push(this.split(lazy));
      this.node(node);
    }
    for (const split of splits) this.other(split, lazy);
  }

  /** One way goes on behind it; `other` sets the other one. */
  private split(lazy: boolean): number {
    const split = this.emit(OP.SPLIT);
    (lazy ? this.y : this.x)[split] = split + 1;
    return split;
  }

  private other(split: number, lazy: boolean): void {
    (lazy ? this.x : this.y)[split] = this.op.length;
  }
}

function byteClasses(
  sets: readonly ByteSet[],
  words: boolean,
): Pick<Program, 'classOf' | 'classes' | 'sample'> {
  const asked = words ? [...sets, WORD] : sets;
  const classOf = new Uint8Array(256);
  const sample: number[] = [];
  const known = new Map<string, number>();
  for (let byte = 0; byte < 256; byte++) {
    const signature = asked.map((set) => (has(set, byte) ? '1' : '0')).join('');
    let number = known.get(signature);
    if (number === undefined) {
      number = sample.push(byte) - 1;
      known.set(signature, number);
    }
    classOf[byte] = number;
  }
  return { classOf, classes: sample.length, sample: Uint8Array.from(sample) };
}

/** Every match begins at the start of the text. */
function startsAtStart(node: Node): boolean {
  switch (node.type) {
    case 'assertion':
      return node.assertion === 'start';
    case 'sequence':
      return node.nodes.length > 0 && startsAtStart(node.nodes[0]!);
    case 'choice':
      return node.nodes.every(startsAtStart);
    case 'group':
      return startsAtStart(node.node);
    case 'repeat':
      return node.min > 0 && startsAtStart(node.node);
    case 'set':
    default:
      return false;
  }
}
