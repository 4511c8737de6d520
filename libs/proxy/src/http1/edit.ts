import { LINE, NEXT, VALUE_END, type Head } from './head.js';

/**
 * Changes a scanned head in place. Removals slide what is in front of them to the right, insertions what is in front
 * of them to the left into the room before the message; the body behind never moves. One editor serves all.
 */
export class HeadEditor {
  private b!: Uint8Array;
  private head!: Head;
  private start = 0;
  /** Where the first header line is now. */
  private line = 0;

  /** Takes out the lines that `head` has dropped. */
  begin(b: Uint8Array, head: Head): void {
    this.b = b;
    this.head = head;
    this.start = head.start;
    let shift = 0;
    if (head.droppedCount > 0) shift = this.cutFields();
    this.line = head.firstField + shift;
  }

  /** Puts another target, in origin form, in place of the one that came. Call it right after `begin`. */
  setTarget(target: Uint8Array): void {
    const { b, head } = this;
    const to = this.line - (head.firstField - head.targetEnd);
    const method = head.methodEnd - head.start + 1;
    const start = to - target.length - method;
    b.copyWithin(start, this.start, this.start + method);
    b.set(target, to - target.length);
    this.start = start;
  }

  /** Puts a whole line (with CRLF) in front of the first header line. */
  insertLine(line: Uint8Array): void {
    this.insert(line, this.line);
    this.line -= line.length;
  }

  /** Puts bytes behind the value of a field that was not dropped. */
  appendTo(field: number, bytes: Uint8Array): void {
    const { head } = this;
    let at = head.at(field, VALUE_END);
    for (let k = field + 1; k < head.count; k++)
      if (head.dropped[k] === 1) at += head.at(k, NEXT) - head.at(k, LINE);
    this.insert(bytes, at);
    this.line -= bytes.length;
  }

  /** Where the message starts now. */
  end(): number {
    return this.start;
  }

  private insert(bytes: Uint8Array, at: number): void {
    const { b, start } = this;
    b.copyWithin(start - bytes.length, start, at);
    b.set(bytes, at - bytes.length);
    this.start = start - bytes.length;
  }

  private cutFields(): number {
    const { b, head } = this;
    let shift = 0;
    for (let k = head.count - 1; k >= 0; k--) {
      if (head.dropped[k] === 0) continue;
      const next = head.at(k, NEXT);
      while (k > 0 && head.dropped[k - 1] === 1) k--;
      const line = head.at(k, LINE);
      const length = next - line;
      b.copyWithin(this.start + length, this.start, line + shift);
      this.start += length;
      shift += length;
    }
    return shift;
  }
}

export const editor = new HeadEditor();
