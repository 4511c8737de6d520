import type { SomeRules } from '../rules.js';

const NAME = 'set-cookie';

/**
 * Marks the cookies of servers. Secure is for clients with TLS only: without it browsers would refuse such a cookie
 * (RFC 6265bis section 5.7), and the application could not be used at all.
 */
export const cookieFlags = (secure: boolean, httpOnly: boolean): SomeRules => ({
  onResponse(x, message, edits) {
    const needsSecure = secure && x.connection.tls !== null;
    if (!needsSecure && !httpOnly) return;
    const lines: string[] = [];
    for (let k = message.find(NAME); k >= 0; k = message.find(NAME, k + 1)) {
      if (message.head.dropped[k] === 1) continue; // a policy has taken it out
      const cookie = message.value(k);
      const marked = markedCookie(cookie, needsSecure, httpOnly);
      lines.push(marked);
      message.head.drop(k);
    }
    // Each line goes in front of the one before, and cookies have to keep their order.
    for (const line of lines.toReversed()) edits.add('Set-Cookie', line);
  },
});

/** With the attributes that it lacks. */
export function markedCookie(cookie: string, secure: boolean, httpOnly: boolean): string {
  let hasSecure = false;
  let hasHttpOnly = false;
  for (const attribute of cookie.split(';').slice(1)) {
    const name = attribute.split('=', 1)[0]!.trim().toLowerCase();
    hasSecure ||= name === 'secure';
    hasHttpOnly ||= name === 'httponly';
  }
  let marked = cookie;
  if (secure && !hasSecure) marked += '; Secure';
  if (httpOnly && !hasHttpOnly) marked += '; HttpOnly';
  return marked;
}
