import type { Token } from '@spillway/snapshot';

/** What tokens are taken from. */
export interface TokenSource {
  /** Host without port. */
  readonly host: string;
  /** With its slash in front, as it was sent. */
  readonly path: string;
  /** Texts of the groups that the rule's regular expression captured, the whole match first. */
  captures(of: 'path' | 'query'): readonly (string | undefined)[];
  /** Value of the string group's key by which the rule matched. */
  groupValue(): string;
}

/** The index that stands for: as far as there are any. */
const TO_THE_END = 65_535;

/** The texts that a token stands for; none where the request has no such part. */
export function tokenTexts(token: Token, source: TokenSource): readonly string[] {
  switch (token.type) {
    case 'string':
      return [token.value];
    case 'string_group':
      return [source.groupValue()];
    case 'host':
      return part(source.host.split('.'), token);
    case 'path':
      return part(source.path.slice(1).split('/'), token);
    case 'path_capture':
      return [part(source.captures('path'), token).map(encoded).join('')];
    case 'query_capture':
    default:
      return [part(source.captures('query'), token).map(encoded).join('')];
  }
}

const part = (all: readonly (string | undefined)[], token: { start: number; end: number }): string[] =>
  all.slice(token.start, token.end === TO_THE_END ? undefined : token.end + 1).map((text) => text ?? '');

/** Host and path of the tokens' texts, joined by dots and by slashes: once where a text brings its own. */
export const hostOf = (tokens: readonly Token[], source: TokenSource): string =>
  joined(
    tokens.flatMap((token) => tokenTexts(token, source)),
    '.',
  ).replace(/[^A-Za-z0-9\-._~%!$&'()*+,;=:[\]]/g, '');

export function pathOf(tokens: readonly Token[], source: TokenSource): string {
  const path = joined(
    tokens.flatMap((token) => tokenTexts(token, source)),
    '/',
  );
  return printable(path.startsWith('/') ? path : `/${path}`);
}

function joined(parts: readonly string[], glue: string): string {
  let all = '';
  for (const [i, text] of parts.entries()) {
    if (i === 0 || all.endsWith(glue) || text.startsWith(glue))
      all += all.endsWith(glue) && text.startsWith(glue) ? text.slice(1) : text;
    else all += glue + text;
  }
  return all;
}

/** Captured text was decoded: what a path may not hold is encoded again. */
const encoded = (text: string): string => text.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/g, percent);

/** What no target may hold, whoever wrote it. */
export const printable = (text: string): string => text.replace(/[^\x21-\x7e]|[#]/g, percent);

const percent = (char: string): string =>
  char.charCodeAt(0) < 256
    ? `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
    : encodeURIComponent(char);

/** The query of a new target: that of the request if it is kept, and what is added; empty for none. */
export function queryOf(keep: boolean, query: string, add: string | undefined): string {
  const kept = keep ? query : '';
  const added = printable((add ?? '').replace(/^[?&]+/, ''));
  return kept !== '' && added !== '' ? `${kept}&${added}` : kept + added;
}

/** Host and port of an authority; port -1 without one. */
export function splitHost(authority: string): { host: string; port: number } {
  const found = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(authority);
  if (found === null) return { host: authority, port: -1 };
  return { host: found[1]!, port: found[2] === undefined || found[2] === '' ? -1 : Number(found[2]) };
}

export const defaultPort = (protocol: 'http' | 'https'): number => (protocol === 'https' ? 443 : 80);

/** An absolute target; the port is left out where the protocol implies it. */
export function absolute(
  protocol: 'http' | 'https',
  host: string,
  port: number,
  path: string,
  query: string,
): string {
  const shown = port < 0 || port === defaultPort(protocol) ? '' : `:${port}`;
  return `${protocol}://${host}${shown}${path}${query === '' ? '' : `?${query}`}`;
}
