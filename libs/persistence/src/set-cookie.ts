/** What a browser is told with a cookie, beside its value. */
export interface CookieAttributes {
  /** Seconds that it lives; undefined for as long as the browser runs. */
  readonly maxAge?: number | undefined;
  /** Scripts of the page cannot read it. */
  readonly httpOnly: boolean;
  /** It goes over TLS only. */
  readonly secure: boolean;
}

/** The value of a Set-Cookie field (RFC 6265 section 4.1). `now` is in seconds since 1970. */
export function setCookie(
  name: string,
  value: string,
  { maxAge, httpOnly, secure }: CookieAttributes,
  now: number,
): string {
  let text = `${name}=${value}; Path=/`;
  // Expires too: there are clients that know nothing else.
  if (maxAge !== undefined)
    text += `; Max-Age=${maxAge}; Expires=${new Date((now + maxAge) * 1000).toUTCString()}`;
  if (httpOnly) text += '; HttpOnly';
  return secure ? `${text}; Secure` : text;
}

/** The value that a Set-Cookie field gives to the cookie of that name; null when it is about another one. */
export function cookieSet(field: string, name: string): string | null {
  const end = field.indexOf(';');
  const pair = end < 0 ? field : field.slice(0, end);
  const equals = pair.indexOf('=');
  return equals > 0 && pair.slice(0, equals).trim() === name ? pair.slice(equals + 1).trim() : null;
}

/** The value of a parameter in a query (without `?`), as it stands there; null without one. */
export function queryValue(query: string, name: string): string | null {
  for (const pair of query.split('&'))
    if (pair.length > name.length && pair[name.length] === '=' && pair.startsWith(name))
      return pair.slice(name.length + 1);
  return null;
}

/** The value of a parameter of a path (`/page;name=value`), as it stands there; null without one. */
export function pathParameter(path: string, name: string): string | null {
  for (let at = path.indexOf(';'); at >= 0; at = path.indexOf(';', at + 1)) {
    if (!path.startsWith(name, at + 1) || path[at + 1 + name.length] !== '=') continue;
    const from = at + 2 + name.length;
    const ends = [path.indexOf(';', from), path.indexOf('/', from)].filter((i) => i >= 0);
    return path.slice(from, Math.min(path.length, ...ends));
  }
  return null;
}
