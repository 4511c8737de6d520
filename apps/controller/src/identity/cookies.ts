/** The names under which clients send and expect a session. */
export const SESSION_COOKIES = ['avi-sessionid', 'sessionid'] as const;
export const CSRF_COOKIE = 'csrftoken';

const YEAR_SECONDS = 31_449_600;
const DAY_SECONDS = 86_400;

/** Every value of every session cookie in a header, each once. Clients send pairs twice, an old one beside a new one. */
export function sessionIds(header: string | undefined): string[] {
  const found = new Set<string>();
  for (const pair of (header ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    const name = pair.slice(0, equals).trim();
    const value = pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
    if ((SESSION_COOKIES as readonly string[]).includes(name) && /^[a-z0-9]{16,64}$/.test(value))
      found.add(value);
  }
  return [...found].slice(0, 8);
}

/** `Set-Cookie` headers of a session. */
export function sessionCookies(sessionId: string, csrfToken: string, now = new Date()): string[] {
  const expires = new Date(now.getTime() + YEAR_SECONDS * 1000).toUTCString();
  return [
    `${CSRF_COOKIE}=${csrfToken}; expires=${expires}; Max-Age=${YEAR_SECONDS}; Path=/; Secure; SameSite=Lax`,
    ...SESSION_COOKIES.map(
      (name) => `${name}=${sessionId}; HttpOnly; Max-Age=${DAY_SECONDS}; Path=/; Secure; SameSite=Lax`,
    ),
  ];
}

/** `Set-Cookie` headers that take a session away. */
export function clearedCookies(): string[] {
  return [CSRF_COOKIE, ...SESSION_COOKIES].map((name) => `${name}=; Max-Age=0; Path=/; Secure`);
}
