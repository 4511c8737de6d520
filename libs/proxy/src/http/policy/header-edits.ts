import { editCookies, editSetCookies, type HeaderEdit } from '@spillway/policy';
import type { HeadEdits } from '../edits.js';
import type { Message } from '../message.js';

/** A line that is to be added once all edits are known, so that a later edit can take it back. */
interface Line {
  readonly name: string;
  readonly lowerCase: string;
  readonly value: string;
}

const AUTHORITY = /^[A-Za-z0-9\-._~%!$&'()*+,;=:[\]]+$/;

/**
 * Makes the header edits of a message, in their order. What is replaced or removed goes wherever it came from: the
 * sender, or an edit before.
 */
export function applyEdits(
  list: readonly HeaderEdit[],
  message: Message,
  edits: HeadEdits,
  isRequest: boolean,
): void {
  let lines: Line[] = [];
  const drop = (lowerCase: string): void => {
    for (let k = message.find(lowerCase); k >= 0; k = message.find(lowerCase, k + 1)) message.head.drop(k);
    lines = lines.filter((line) => line.lowerCase !== lowerCase);
  };
  /** Values of a field as it is after the edits so far. */
  const values = (lowerCase: string): string[] => {
    const found = lines.filter((line) => line.lowerCase === lowerCase).map((line) => line.value);
    for (let k = message.find(lowerCase); k >= 0; k = message.find(lowerCase, k + 1))
      if (message.head.dropped[k] === 0) found.push(message.value(k));
    return found;
  };
  const put = (name: string, value: string): void => {
    lines.push({ name, lowerCase: name.toLowerCase(), value });
  };
  for (const { action, value } of list) {
    if (action.target === 'cookie') {
      const name = isRequest ? 'Cookie' : 'Set-Cookie';
      const before = values(name.toLowerCase());
      const after = isRequest ? [editCookies(before.join('; '), action)] : editSetCookies(before, action);
      drop(name.toLowerCase());
      for (const one of after) if (one !== '') put(name, one);
      continue;
    }
    const { name } = action;
    // A Host that is none would be refused by the server, or worse, not refused.
    if (isRequest && value !== undefined && /^host$/i.test(name) && !AUTHORITY.test(value)) continue;
    if (action.action !== 'add' && (action.action === 'remove' || value !== undefined))
      drop(name.toLowerCase());
    if (action.action !== 'remove' && value !== undefined) put(name, value);
  }
  for (const { name, value } of lines) edits.add(name, value);
}
