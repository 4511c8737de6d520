import { type ByteSet, has } from './byte-set.js';
import type { Node } from './syntax.js';

/**
 * The longest string that every match holds, letters in lower case when `fold`; empty when there is none. Texts
 * without it need not be matched.
 */
export function requiredLiteral(node: Node, fold: boolean): Uint8Array {
  const finder = new Finder(fold);
  finder.visit(node);
  finder.cut();
  return Uint8Array.from(finder.best);
}

class Finder {
  best: number[] = [];
  private run: number[] = [];

  constructor(private readonly fold: boolean) {}

  cut(): void {
    if (this.run.length > this.best.length) this.best = this.run;
    this.run = [];
  }

  visit(node: Node): void {
    switch (node.type) {
      case 'set': {
        const byte = this.only(node.set);
        if (byte < 0) this.cut();
        else this.run.push(byte);
        return;
      }
      case 'sequence':
        for (const one of node.nodes) this.visit(one);
        return;
      case 'group':
        this.visit(node.node);
        return;
      case 'assertion':
        return;
      case 'choice':
        this.cut();
        return;
      case 'repeat':
        this.cut();
        if (node.min > 0) this.visit(node.node);
        this.cut();
    }
  }

  /** The one byte of a set, both cases of a letter counting as one when folding; -1 for more. */
  private only(set: ByteSet): number {
    let found = -1;
    for (let byte = 0; byte < 256; byte++) {
      if (!has(set, byte)) continue;
      const folded = this.fold && byte >= 65 && byte <= 90 ? byte + 32 : byte;
      if (found >= 0 && found !== folded) return -1;
      found = folded;
    }
    return found;
  }
}
