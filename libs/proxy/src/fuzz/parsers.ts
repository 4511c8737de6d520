import { ChunkScanner } from '../http1/chunked.js';
import { editor } from '../http1/edit.js';
import type { Head } from '../http1/head.js';
import { INCOMPLETE, REFUSE, refusalOf } from '../http1/refusal.js';
import { request, scanRequest } from '../http1/scan-request.js';
import { response, scanResponse } from '../http1/scan-response.js';
import { FrameReader, type FrameSink } from '../http2/frame-reader.js';
import { HpackDecoder, type FieldSink } from '../http2/hpack/decoder.js';
import { readHeader } from '../proxy-protocol/header.js';
import { INCOMPLETE as SIP_INCOMPLETE, SipMessage } from '../sip/message.js';
import { peekClientHello } from '../tls/client-hello.js';
import {
  NODE_FULL,
  OPENSSL_FULL,
  OPENSSL_TICKET_1_2,
  OPENSSL_TICKET_1_3,
} from '../tls/client-hello.captured.js';
import { HEAD_ROOM } from '../transport/seam.js';
import { REQUESTS, RESPONSES } from './corpus.js';
import { BLOCKS, FRAMES } from './frames.js';
import { mutate } from './mutate.js';
import type { Random } from '@spillway/testing/conformance';

/** Mutates input for one parser and checks what must hold whatever the input. @throws what does not hold */
export type Target = (random: Random) => void;

const CANARY = 0xaa;
const MOST_HEAD = 4096;

interface Loaded {
  readonly b: Buffer;
  readonly start: number;
  readonly end: number;
}

function load(text: string): Loaded {
  const b = Buffer.alloc(HEAD_ROOM + text.length + 64, CANARY);
  b.write(text, HEAD_ROOM, 'latin1');
  return { b, start: HEAD_ROOM, end: HEAD_ROOM + text.length };
}

type Scan = (b: Uint8Array, from: number, end: number) => number;

const scanners: readonly (readonly [Scan, Head, readonly string[]])[] = [
  [(b, from, end) => scanRequest(b, from, end, MOST_HEAD, 40), request, REQUESTS],
  [(b, from, end) => scanResponse(b, from, end, MOST_HEAD, 40), response, RESPONSES],
];

/** A head is judged alike whole and in growing parts, and what is passed on of it is read again in the same way. */
function heads(random: Random): void {
  const [scan, head, corpus] = random.pick(scanners);
  const text = mutate(random.pick(corpus), random.pick(corpus), random);
  const whole = load(text);
  const verdict = scan(whole.b, whole.start, whole.end);
  bounds(whole, verdict);
  const grown = load(text);
  for (
    let end = grown.start;
    ;
    end = Math.min(grown.end, end + 1 + random.below(random.chance(2) ? 3 : 200))
  ) {
    const kept = grown.b[end]!;
    const part = scan(grown.b, grown.start, end);
    grown.b[end] = kept;
    if (part === INCOMPLETE && end < grown.end) continue;
    if (!bothTooLong(part, verdict)) same('in parts', part, verdict, text);
    break;
  }
  if (verdict < 0) return;
  const rest = text.slice(verdict - whole.start);
  scan(whole.b, head.start, verdict);
  const before = facts(head);
  editor.begin(whole.b, head);
  const again = load(whole.b.toString('latin1', editor.end(), verdict) + rest);
  same('again', scan(again.b, again.start, again.end) - again.start, verdict - editor.end(), text);
  same('facts', facts(head), before, text);
}

/** A head that is too long may have other faults behind the limit, and is refused for what is seen first. */
const bothTooLong = (one: number, other: number): boolean =>
  one < INCOMPLETE &&
  other < INCOMPLETE &&
  [one, other].some((v) => v === REFUSE.TOO_LARGE || v === REFUSE.TARGET_LONG);

/** What decides where the message ends and to whom it goes. */
const facts = (head: Head): string =>
  JSON.stringify([
    head.method,
    head.status,
    head.minor,
    head.contentLength,
    head.chunked,
    head.hostField >= 0,
  ]);

function bounds({ b, start, end }: Loaded, verdict: number): void {
  if (verdict > end) throw new Error(`a head ends at ${verdict - start} of ${end - start}`);
  if (verdict < INCOMPLETE) refusalOf(verdict);
  for (let i = end + 1; i < b.length; i++)
    if (b[i] !== CANARY) throw new Error(`byte ${i - end} behind was written`);
  for (let i = 0; i < start - 2; i++)
    if (b[i] !== CANARY) throw new Error(`byte ${start - i} in front was written`);
}

const CHUNKS = REQUESTS.filter((t) => /chunked/i.test(t))
  .map((t) => t.slice(t.indexOf('\r\n\r\n') + 4))
  .filter((t) => t !== '');

/** A chunked body ends at the same place, with the same data, however it is cut. */
function chunks(random: Random): void {
  const text = mutate(random.pick(CHUNKS), random.pick(CHUNKS), random);
  const whole = chunked(text, [text.length]);
  const cuts = Array.from(
    { length: 1 + random.below(8) },
    () => 1 + random.below(random.chance(2) ? 3 : 100),
  );
  same('in parts', chunked(text, cuts), whole, text);
}

function chunked(text: string, cuts: readonly number[]): string {
  const [plain, compact] = [new ChunkScanner(), new ChunkScanner()];
  plain.begin(100_000);
  compact.begin(100_000);
  let data = '';
  for (let at = 0, k = 0; at < text.length; k++) {
    const piece = text.slice(at, at + cuts[k % cuts.length]!);
    const b = Buffer.from(piece, 'latin1');
    const verdict = plain.scan(b, 0, b.length);
    const other = compact.compact(b, 0, b.length);
    if (verdict !== other) throw new Error(`scan says ${verdict}, compact ${other}: ${JSON.stringify(text)}`);
    if (verdict < INCOMPLETE) return refusalOf(verdict).name;
    data += b.toString('latin1', 0, compact.dataEnd);
    if (verdict >= 0) return `${at + verdict} ${data}`;
    at += piece.length;
  }
  return `incomplete ${data}`;
}

/** Header blocks: fields lie where they are said to, the table stays within its limit, two decoders agree. */
function hpack(random: Random): void {
  const [one, two] = [new HpackDecoder(4096), new HpackDecoder(4096)];
  const [first, second] = [new Fields(), new Fields()];
  for (let k = 1 + random.below(5); k > 0; k--) {
    const block = Buffer.from(mutate(random.pick(BLOCKS), random.pick(BLOCKS), random), 'latin1');
    const padded = Buffer.concat([Buffer.alloc(7, 0xff), block, Buffer.alloc(7, 0xff)]);
    const good = one.decode(block, 0, block.length, first);
    if (two.decode(padded, 7, 7 + block.length, second) !== good)
      throw new Error('two decoders do not agree');
    if (!good) break;
  }
  same('fields', second.text, first.text, '');
}

class Fields implements FieldSink {
  text = '';
  field(kind: number, b: Uint8Array, start: number, valueAt: number, end: number): void {
    if (start < 0 || valueAt < start || end < valueAt || end > b.length)
      throw new Error('a field outside of its bytes');
    this.text += `${kind} ${Buffer.from(b.subarray(start, end)).toString('latin1')}`;
    if (this.text.length > 10_000_000) throw new Error('a header block grows without end');
  }
}

/** Frames come out alike whatever the pieces are in which they come in. */
function frames(random: Random): void {
  const count = 1 + random.below(8);
  let text = '';
  for (let k = 0; k < count; k++) text += mutate(random.pick(FRAMES), random.pick(FRAMES), random);
  const b = Buffer.from(text, 'latin1');
  const [whole, parts] = [new Frames(), new Frames()];
  const all = new FrameReader(whole).read(b, 0, b.length);
  const reader = new FrameReader(parts);
  let last = 0;
  for (let at = 0; at < b.length && last === 0;) {
    const end = Math.min(b.length, at + 1 + random.below(random.chance(2) ? 4 : 100));
    last = reader.read(b, at, end);
    at = end;
  }
  same('verdict', last, all, text);
  same('frames', parts.text, whole.text, text);
}

class Frames implements FrameSink {
  text = '';
  frameBegins(type: number, flags: number, stream: number, length: number): number {
    this.text += `\n${type} ${flags} ${stream} ${length}:`;
    return 0;
  }
  data(b: Uint8Array, start: number, end: number, last: boolean): number {
    this.text += `${Buffer.from(b.subarray(start, end)).toString('latin1')}${last ? '.' : ''}`;
    return 0;
  }
  payload(_type: number, _flags: number, _stream: number, b: Uint8Array, start: number, end: number): number {
    this.text += `${Buffer.from(b.subarray(start, end)).toString('latin1')}.`;
    return 0;
  }
}

const HELLOS = [OPENSSL_FULL, OPENSSL_TICKET_1_2, OPENSSL_TICKET_1_3, NODE_FULL].map((hello) =>
  Buffer.from(hello, 'hex').toString('latin1'),
);

/** A ClientHello is read alike wherever its bytes lie, and a part of a good one asks for more. */
function clientHello(random: Random): void {
  const good = random.pick(HELLOS);
  const text = mutate(good, random.pick(HELLOS), random);
  const b = Buffer.from(text, 'latin1');
  const shifted = Buffer.concat([Buffer.alloc(9, 22), b, Buffer.alloc(9, 22)]);
  same('shifted', plainHello(shifted, 9, 9 + b.length), plainHello(b, 0, b.length), text);
  if (text === good) {
    const part = Buffer.from(good.slice(0, random.below(good.length)), 'latin1');
    same('a part', plainHello(part, 0, part.length), '"more"', good);
  }
}

const plainHello = (b: Uint8Array, start: number, end: number): string =>
  JSON.stringify(peekClientHello(b, start, end), (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  );

const PROXY_HEADERS = [
  'PROXY TCP4 192.0.2.1 198.51.100.2 1234 80\r\nGET / HTTP/1.1\r\n',
  'PROXY TCP6 2001:db8::1 ::2 65535 443\r\n',
  'PROXY UNKNOWN\r\n',
  'PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n',
  '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x04\xd2\0\x50',
  `\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x28${'\x20\x01'.repeat(16)}\x04\xd2\0\x50\x03\0\x01\x00`,
  '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0',
];

/** A PROXY header is read alike wherever it lies, and in growing parts as whole. */
function proxyHeader(random: Random): void {
  const text = mutate(random.pick(PROXY_HEADERS), random.pick(PROXY_HEADERS), random);
  const b = Buffer.from(text, 'latin1');
  const whole = readHeader(b, 0, b.length);
  if (typeof whole !== 'string' && whole.length > b.length)
    throw new Error(`a header of ${whole.length} bytes in ${b.length}`);
  const shifted = Buffer.concat([Buffer.alloc(5, 13), b, Buffer.alloc(5, 13)]);
  same('shifted', JSON.stringify(readHeader(shifted, 5, 5 + b.length)), JSON.stringify(whole), text);
  for (let end = 0; end < b.length; end += 1 + random.below(6)) {
    const part = readHeader(b, 0, end);
    if (part === 'more') continue;
    same('in parts', JSON.stringify(part), JSON.stringify(whole), text);
    break;
  }
}

const SIP = [
  'INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nCall-ID: a84b@pc33\r\nContent-Length: 5\r\n\r\nv=0\r\n',
  'SIP/2.0 180 Ringing\r\ni: x\r\nl: 0\r\n\r\n',
  'BYE tel:+1 SIP/2.0\r\nSubject: one\r\n two\r\nCALL-id :\r\n\ty\r\ncontent-length: 0\r\n\r\n',
  'OPTIONS sip:a SIP/2.0\r\nCall-ID: z\r\n\r\nbody',
];

/** A SIP message is read alike wherever it lies and in growing parts as whole, and is never longer than what is there. */
function sip(random: Random): void {
  const text = mutate(random.pick(SIP), random.pick(SIP), random);
  for (const stream of [true, false]) {
    const b = Buffer.from(text, 'latin1');
    const whole = sipFacts(b, 0, b.length, stream);
    if (sipMessage.callIdEnd > b.length) throw new Error('a Call-ID outside of its bytes');
    const shifted = Buffer.concat([Buffer.alloc(5, 13), b, Buffer.alloc(5, 13)]);
    same('shifted', sipFacts(shifted, 5, 5 + b.length, stream), whole, text);
    const cuts = stream ? b.length : 0;
    for (let end = 0; end < cuts; end += 1 + random.below(6)) {
      const part = sipFacts(b, 0, end, true);
      if (part === `${SIP_INCOMPLETE}`) continue;
      same('in parts', part, whole, text);
      break;
    }
  }
}

const sipMessage = new SipMessage();

function sipFacts(b: Uint8Array, start: number, end: number, stream: boolean): string {
  const length = sipMessage.scan(b, start, end, stream);
  if (length > end - start) throw new Error(`a message of ${length} bytes in ${end - start}`);
  if (length <= 0) return `${length}`;
  const { callIdStart, callIdEnd, contentLength } = sipMessage;
  return `${length} ${callIdStart - start} ${callIdEnd - start} ${contentLength}`;
}

function same(what: string, got: unknown, wanted: unknown, input: string): void {
  if (got !== wanted)
    throw new Error(
      `${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)} for ${JSON.stringify(input)}`,
    );
}

export const TARGETS: Readonly<Record<string, Target>> = {
  heads,
  chunks,
  hpack,
  frames,
  clientHello,
  proxyHeader,
  sip,
};
