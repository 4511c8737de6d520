/**
 * Parsers that read a stream of requests as some server somewhere does. They are lenient on purpose, each in its own
 * way: bytes that all of them cut alike leave nobody room for a second reading.
 */
export interface Personality {
  readonly name: string;
  /** Ends of lines: where the line at `from` ends, and where the next begins; null when it does not end. */
  readonly line: (text: string, from: number) => { end: number; next: number } | null;
  /** What is left of a field name; the result is compared in lower case. */
  readonly field: (raw: string) => string;
  readonly value: (raw: string) => string;
  /** Which of several Content-Length values counts, as text; null for none. */
  readonly length: (values: readonly string[]) => string | null;
  /** Whether these Transfer-Encoding values mean chunked. */
  readonly chunked: (values: readonly string[]) => boolean;
  /** Content-Length outweighs Transfer-Encoding. */
  readonly lengthFirst?: boolean;
  /** A line that begins with white space belongs to the one before. */
  readonly folds?: boolean;
  /** Requests of these methods have no body, whatever their fields say. */
  readonly bodiless?: readonly string[];
}

/** One request: where it starts and ends, and its first line. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  readonly line: string;
}

/** Requests as this personality sees them; `rest` is where an incomplete one begins, or the end. */
export function cut(text: string, p: Personality): { requests: Cut[]; rest: number } {
  const requests: Cut[] = [];
  let at = 0;
  for (;;) {
    const one = request(text, at, p);
    if (one === null) return { requests, rest: at };
    requests.push(one);
    at = one.end;
  }
}

function request(text: string, from: number, p: Personality): Cut | null {
  let at = from;
  let first = p.line(text, at);
  while (first !== null && first.end === at) {
    at = first.next; // blank lines in front
    first = p.line(text, at);
  }
  if (first === null) return null;
  const line = text.slice(at, first.end);
  const fields: [string, string][] = [];
  let next = first.next;
  for (;;) {
    const l = p.line(text, next);
    if (l === null) return null;
    if (l.end === next) {
      next = l.next;
      break;
    }
    const raw = text.slice(next, l.end);
    const last = fields.at(-1);
    if (p.folds === true && /^[ \t]/.test(raw) && last !== undefined) last[1] += ` ${raw.trim()}`;
    else {
      const colon = raw.indexOf(':');
      if (colon >= 0)
        fields.push([p.field(raw.slice(0, colon)).toLowerCase(), p.value(raw.slice(colon + 1))]);
    }
    next = l.next;
  }
  const end = p.bodiless?.includes(line.split(/[ \t]/)[0]!) === true ? next : body(text, next, fields, p);
  return end < 0 ? null : { start: at, end, line };
}

function body(text: string, from: number, fields: readonly [string, string][], p: Personality): number {
  const of = (name: string): string[] => fields.filter(([n]) => n === name).map(([, v]) => v);
  const length = p.length(of('content-length'));
  const chunked = p.chunked(of('transfer-encoding'));
  if (chunked && !(p.lengthFirst === true && length !== null)) return chunks(text, from, p);
  if (length === null) return from;
  const n = Number.parseInt(length, 10);
  const end = from + (Number.isNaN(n) || n < 0 ? 0 : n);
  return end <= text.length ? end : -1;
}

function chunks(text: string, from: number, p: Personality): number {
  let at = from;
  for (;;) {
    const l = p.line(text, at);
    if (l === null) return -1;
    const size = Number.parseInt(text.slice(at, l.end).trim(), 16);
    if (Number.isNaN(size)) return l.next;
    if (size === 0) return trailers(text, l.next, p);
    at = l.next + size;
    if (at > text.length) return -1;
    const rest = p.line(text, at);
    if (rest === null) return -1;
    at = rest.next;
  }
}

function trailers(text: string, from: number, p: Personality): number {
  let at = from;
  for (;;) {
    const l = p.line(text, at);
    if (l === null) return -1;
    if (l.end === at) return l.next;
    at = l.next;
  }
}

const crlf: Personality['line'] = (text, from) => {
  const end = text.indexOf('\r\n', from);
  return end < 0 ? null : { end, next: end + 2 };
};

const lf: Personality['line'] = (text, from) => {
  const at = text.indexOf('\n', from);
  if (at < 0) return null;
  return { end: at > from && text[at - 1] === '\r' ? at - 1 : at, next: at + 1 };
};

const anyEnd: Personality['line'] = (text, from) => {
  const match = /\r\n|\r|\n/g;
  match.lastIndex = from;
  const found = match.exec(text);
  return found === null ? null : { end: found.index, next: match.lastIndex };
};

const plain: Omit<Personality, 'name'> = {
  line: crlf,
  field: (raw) => raw,
  value: (raw) => raw.replaceAll(/^[ \t]+|[ \t]+$/g, ''),
  length: (values) => values[0] ?? null,
  chunked: (values) => values.some((v) => v.toLowerCase() === 'chunked'),
};

export const PERSONALITIES: readonly Personality[] = [
  { ...plain, name: 'by the book' },
  { ...plain, name: 'LF ends a line', line: lf, field: (raw) => raw.trim(), folds: true },
  { ...plain, name: 'CR, LF or both end a line', line: anyEnd, field: (raw) => raw.trim() },
  {
    ...plain,
    name: 'the last length counts, before any coding',
    length: (values) => values.at(-1) ?? null,
    lengthFirst: true,
  },
  {
    ...plain,
    name: 'the longest length counts',
    length: (v) =>
      v.length === 0
        ? null
        : String(
            Math.max(
              ...v
                .join(',')
                .split(',')
                .map((x) => Number.parseInt(x, 10) || 0),
            ),
          ),
  },
  {
    ...plain,
    name: 'chunked is chunked wherever it stands',
    chunked: (values) => /chunked/i.test(values.join()),
    field: (raw) => raw.trim(),
  },
  {
    ...plain,
    name: 'the last coding counts',
    chunked: (values) => values.join().split(',').at(-1)!.trim().toLowerCase() === 'chunked',
    folds: true,
  },
  {
    ...plain,
    name: 'makes no difference between hyphen and underscore',
    field: (raw) => raw.trim().replaceAll('_', '-'),
  },
  {
    ...plain,
    name: 'stops at NUL',
    field: (raw) => raw.split('\0')[0]!.trim(),
    value: (raw) => raw.split('\0')[0]!.trim(),
  },
  {
    ...plain,
    name: 'takes names for what is readable of them',
    field: (raw) => raw.replace(/[^!-~]/g, ''),
    value: (raw) => raw.replace(/[^!-~]/g, ''),
  },
  {
    ...plain,
    name: 'octal lengths',
    length: (v) =>
      v[0] !== undefined && /^0[0-7]+$/.test(v[0]) ? String(Number.parseInt(v[0], 8)) : (v[0] ?? null),
  },
  { ...plain, name: 'TRACE has no body', bodiless: ['TRACE'] },
];
