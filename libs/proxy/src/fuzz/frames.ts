import type { Random } from '@spillway/testing/conformance';
import { mutate } from './mutate.js';

/** Blocks of HPACK: examples of RFC 7541, changes of the table's size, fields that are never indexed. */
export const BLOCKS = [
  '828684410f7777772e6578616d706c652e636f6d',
  '828684be58086e6f2d6361636865',
  '828684418cf1e3c2e5f23a6ba0ab90f4ff',
  '400a637573746f6d2d6b65790d637573746f6d2d686561646572',
  '3fe11f82',
  '20828684',
  '1008706173737764067365637265740f0d',
].map((hex) => Buffer.from(hex, 'hex').toString('latin1'));

export function frame(type: number, flags: number, stream: number, payload: string): string {
  const head = [0, payload.length >> 8, payload.length, type, flags, 0, 0, stream >> 8, stream];
  return String.fromCharCode(...head.map((n) => n & 255)) + payload;
}

/** What a connection begins with. */
export const PREFACE = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frame(4, 0, 0, '')}`;

/** One of every kind. */
export const FRAMES = [
  frame(4, 0, 0, ''),
  frame(4, 1, 0, ''),
  frame(4, 0, 0, '\0\x03\0\0\0\x64'),
  frame(4, 0, 0, '\0\x04\0\0\0\x05\0\x01\0\0\0\0'),
  frame(1, 5, 1, BLOCKS[0]!),
  frame(1, 0x2d, 1, `\x02\0\0\0\0\x10${BLOCKS[0]!}\0\0`),
  frame(9, 4, 1, BLOCKS[1]!),
  frame(0, 1, 1, 'data'),
  frame(0, 9, 1, '\x03data\0\0\0'),
  frame(6, 0, 0, '12345678'),
  frame(8, 0, 0, '\0\0\0\x01'),
  frame(8, 0, 1, '\0\x01\0\0'),
  frame(3, 0, 1, '\0\0\0\x08'),
  frame(7, 0, 0, '\0\0\0\x01\0\0\0\0'),
  frame(2, 0, 3, '\0\0\0\0\x10'),
  frame(0x20, 0, 0, 'any'),
];

const literal = (text: string): string =>
  text.length < 127 ? String.fromCharCode(text.length) + text : `\x7f\0${text.slice(0, 127)}`;
const field = (name: string, value: string): string => `\0${literal(name)}${literal(value)}`;

const FIELDS: readonly (readonly [string, string])[] = [
  ['x-any', 'value'],
  ['content-length', '4'],
  ['content-length', '0'],
  ['te', 'trailers'],
  ['transfer-encoding', 'chunked'],
  ['connection', 'close'],
  ['host', 'a'],
  ['cookie', 'a=1'],
  ['cookie', 'b=2'],
  ['expect', '100-continue'],
  ['x-bad', 'a\r\nb: c'],
  [':protocol', 'websocket'],
];

/** A request on a stream: HEADERS, perhaps CONTINUATION, perhaps DATA and trailers. */
function request(stream: number, random: Random): string {
  const method = random.pick(['GET', 'POST', 'PUT', 'OPTIONS', 'CONNECT']);
  const path = random.pick(['/', '/a?b=c', '*', '/long/'.repeat(10), '/a b']);
  let block =
    field(':method', method) + field(':scheme', 'http') + field(':path', path) + field(':authority', 'a');
  for (let k = random.below(3); k > 0; k--) block += field(...random.pick(FIELDS));
  if (random.chance(6)) block = mutate(block, random.pick(BLOCKS), random);
  const body = random.below(3);
  const cut = random.chance(4) ? random.below(block.length) : block.length;
  let text = frame(1, (cut === block.length ? 4 : 0) | (body === 0 ? 1 : 0), stream, block.slice(0, cut));
  if (cut < block.length) text += frame(9, 4, stream, block.slice(cut));
  if (body === 1) text += frame(0, 1, stream, 'data');
  if (body === 2)
    text +=
      frame(0, 0, stream, 'd'.repeat(random.below(3000))) + frame(1, 5, stream, field('x-trailer', '1'));
  return text;
}

/** What a client of HTTP/2 sends next; streams go up from `stream`. */
export function frames(stream: number, random: Random): { text: string; next: number } {
  let text = '';
  let next = stream;
  for (let k = 1 + random.below(5); k > 0; k--) {
    if (random.chance(15))
      text += random.chance(3)
        ? mutate(random.pick(FRAMES), random.pick(FRAMES), random)
        : random.pick(FRAMES);
    else {
      text += request(next, random);
      next += random.chance(10) ? 0 : 2;
    }
  }
  return { text, next };
}

/** What is wrong with frames that a client got; null when nothing is. */
export function faultOfFrames(text: string, reset: boolean, ended: boolean): string | null {
  let at = 0;
  while (at + 9 <= text.length) {
    const length = (text.charCodeAt(at) << 16) | (text.charCodeAt(at + 1) << 8) | text.charCodeAt(at + 2);
    if (length > 16_384) return `a frame of ${length} bytes`;
    if (text.charCodeAt(at + 3) > 9) return `a frame of type ${text.charCodeAt(at + 3)}`;
    at += 9 + length;
  }
  return at !== text.length && ended && !reset ? 'ended within a frame' : null;
}
