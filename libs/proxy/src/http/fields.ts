import { LINE, NAME_END, NEXT, type Head } from '../http1/head.js';
import { isWord, word } from '../http1/tables.js';

/** Whether a line of the head is longer than `most` bytes. Looks only where the whole head is. */
export function hasLongField(head: Head, bodyAt: number, most: number | undefined): boolean {
  if (most === undefined || bodyAt - head.start <= most) return false;
  for (let k = 0; k < head.count; k++) if (head.at(k, NEXT) - head.at(k, LINE) > most) return true;
  return false;
}

/** Instructions of a server to a proxy in front of it, which mean nothing to clients. */
export function dropAccelFields(head: Head, b: Uint8Array): void {
  for (let k = 0; k < head.count; k++) {
    const start = head.at(k, LINE);
    const end = head.at(k, NAME_END);
    if (end - start > PREFIX.length && isWord(b, start, start + PREFIX.length, PREFIX)) head.drop(k);
  }
}

const PREFIX = word('x-accel-');
