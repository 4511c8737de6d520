import { latin1 } from '../bytes.js';
import { METHOD, VALUE_END, VALUE_START, type Head } from './head.js';

/** Slices of bytes as text. */
const text = (b: Uint8Array, start: number, end: number): string =>
  Buffer.from(b.buffer, b.byteOffset + start, end - start).toString('latin1');

/**
 * Writes a head whose target is in absolute form anew, in origin form: the authority takes the place of what Host says
 * (RFC 9112 section 3.2.2), and OPTIONS of a whole server becomes `*` (section 3.2.4). The head ends where it did. It
 * grows by one byte at most, when it had no Host.
 * @returns where it starts now
 */
export function writeOriginForm(head: Head, b: Uint8Array, done: number): number {
  const authority = text(b, head.authorityStart, head.authorityEnd);
  const path = text(b, head.authorityEnd, head.targetEnd);
  let target = path;
  if (path === '') target = head.method === METHOD.OPTIONS ? '*' : '/';
  else if (path.startsWith('?')) target = `/${path}`;
  const line = text(b, head.start, head.methodEnd) + ` ${target}` + text(b, head.targetEnd, head.firstField);
  const { hostField } = head;
  const fields =
    hostField < 0
      ? `Host: ${authority}\r\n` + text(b, head.firstField, done)
      : text(b, head.firstField, head.at(hostField, VALUE_START)) +
        authority +
        text(b, head.at(hostField, VALUE_END), done);
  const bytes = latin1(line + fields);
  b.set(bytes, done - bytes.length);
  return done - bytes.length;
}
