import type { Random } from '@spillway/testing/conformance';

/** Bytes that mean something to some parser of HTTP. */
const SPECIAL = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  '\t',
  ' ',
  ':',
  ';',
  ',',
  '"',
  '\v',
  '\x7f',
  '\x80',
  '\xff',
  '/',
  '*',
  '#',
  '%',
  '0',
  '-1',
  'ffffffff',
];

/** Lines that change how a message is read. */
const LINES = [
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length: 100000',
  'Transfer-Encoding: chunked',
  'Connection: close',
  'Connection: keep-alive',
  'Expect: 100-continue',
  'Host: b',
  'X-Any: y',
  'TE: trailers',
  'Upgrade: echo\r\nConnection: Upgrade',
];

/** Changes a message here and there, by its structure (lines, numbers, words) as much as by its bytes. */
export function mutate(text: string, other: string, random: Random): string {
  let t = text;
  const rounds = random.below(4);
  for (let k = 0; k < rounds; k++) t = OPERATIONS[random.below(OPERATIONS.length)]!(t, other, random);
  return t.length > 200_000 ? t.slice(0, 200_000) : t;
}

type Operation = (text: string, other: string, random: Random) => string;

const at = (text: string, random: Random): number => random.below(text.length + 1);

/** A place right behind a line, or anywhere. */
function lineStart(text: string, random: Random): number {
  const from = text.indexOf('\n', at(text, random));
  return from < 0 ? 0 : from + 1;
}

const OPERATIONS: readonly Operation[] = [
  (t, _, r) => insert(t, at(t, r), r.pick(SPECIAL)),
  (t, _, r) => insert(t, lineStart(t, r), `${r.pick(LINES)}\r\n`),
  (t, _, r) => {
    const i = at(t, r);
    return t.slice(0, i) + t.slice(i + 1 + r.below(8));
  },
  (t, _, r) => {
    const i = at(t, r);
    return t.slice(0, i) + String.fromCharCode(r.below(256)) + t.slice(i + 1);
  },
  // A line twice, or none at all.
  (t, _, r) => {
    const from = lineStart(t, r);
    const end = t.indexOf('\n', from) + 1;
    if (end <= from) return t;
    return r.chance(2) ? t.slice(0, from) + t.slice(end) : insert(t, from, t.slice(from, end));
  },
  // Another number.
  (t, _, r) =>
    t.replace(/\d+/, () =>
      r.pick(['0', '1', '9', '00', '2147483648', '4294967296', '99999999999999999999', '7']),
    ),
  (t, _, r) => t.slice(0, at(t, r)),
  (t, o, r) => t.slice(0, at(t, r)) + o.slice(at(o, r)),
  (t, o) => t + o,
  (t, _, r) => {
    const i = at(t, r);
    const n = 1 + r.below(20);
    return insert(t, i, t.slice(i, i + n).repeat(1 + r.below(50)));
  },
  (t, _, r) =>
    t.replace(/[A-Za-z]/g, (c) =>
      r.chance(6) ? (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()) : c,
    ),
  (t, _, r) =>
    r.chance(2)
      ? t.replaceAll('\r\n', () => (r.chance(8) ? '\n' : '\r\n'))
      : t.replace(/ /g, () => (r.chance(4) ? '\t' : ' ')),
];

const insert = (text: string, i: number, what: string): string => text.slice(0, i) + what + text.slice(i);
