import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Letters and digits from the system's random source: session ids, CSRF tokens, passwords. */
export function randomText(length: number): string {
  let text = '';
  while (text.length < length) {
    // 252 is the largest multiple of 36 in a byte: what is above would make some letters likelier.
    for (const byte of randomBytes(length))
      if (byte < 252 && text.length < length) text += LETTERS[byte % 36];
  }
  return text;
}

/** What is stored of a secret that is long and random by itself. */
export const digest = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Compares without telling by time where they differ. */
export function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(digest(a)), Buffer.from(digest(b))];
  return timingSafeEqual(x, y);
}
