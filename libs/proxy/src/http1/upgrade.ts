import { VALUE_END, VALUE_START, type Head } from './head.js';
import { isWord, SP, TAB, TOKEN, word } from './tables.js';

const COMMA = 44;

/** Protocols that are HTTP, or have HTTP inside: what follows would be requests that nobody here has looked at. */
const WITHHELD = ['h2c', 'h2', 'http', 'tls'].map(word);

/**
 * The request may be answered with 101 (RFC 9110 section 7.8, where ignoring Upgrade is always allowed): it is
 * HTTP/1.1, has no content, and offers, in one line, protocols other than HTTP.
 */
export function offersUpgrade(head: Head, b: Uint8Array): boolean {
  if (!head.connectionUpgrade || head.upgradeLines !== 1 || head.minor !== 1) return false;
  if (head.chunked || head.contentLength > 0) return false;
  let i = head.at(head.upgradeField, VALUE_START);
  const end = head.at(head.upgradeField, VALUE_END);
  let offers = 0;
  while (i < end) {
    while (i < end && (b[i] === SP || b[i] === TAB || b[i] === COMMA)) i++;
    const name = i;
    while (i < end && TOKEN[b[i]!] !== 0) i++;
    if (i > name) {
      offers++;
      for (const protocol of WITHHELD) if (isWord(b, name, i, protocol)) return false;
    } else if (i < end) return false;
    while (i < end && b[i] !== COMMA) i++;
  }
  return offers > 0;
}
