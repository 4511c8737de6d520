import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader, STOP, type FrameSink } from './frame-reader.js';
import { frameRule } from './frame-rules.js';
import {
  endHeaders,
  goAway,
  header,
  ping,
  rstStream,
  settings,
  settingsAck,
  windowUpdate,
} from './frame-writer.js';
import { Output } from './output.js';
import { ERROR, FLAG, FRAME, FRAME_HEADER, FRAME_SIZE } from './protocol.js';

/** Writes down what it is given, DATA pieces of one frame put together. */
class Log implements FrameSink {
  readonly all: string[] = [];
  private piece = '';
  private current = '';
  answer = 0;
  frameBegins(type: number, flags: number, stream: number, length: number): number {
    this.current = `${type} ${flags} ${stream} ${length}`;
    return frameRule(type, flags, stream, length);
  }
  data(b: Uint8Array, start: number, end: number, last: boolean): number {
    this.piece += Buffer.from(b.subarray(start, end)).toString('hex');
    if (last) {
      this.all.push(`${this.current}: ${this.piece}`);
      this.piece = '';
    }
    return this.answer;
  }
  payload(_type: number, _flags: number, _stream: number, b: Uint8Array, start: number, end: number): number {
    this.all.push(`${this.current}: ${Buffer.from(b.subarray(start, end)).toString('hex')}`);
    return this.answer;
  }
}

const bytesOf = (out: Output): Buffer => Buffer.from(out.bytes.subarray(0, out.end));

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const out = new Output();
  header(out, payload.length, type, flags, stream);
  out.append(payload, 0, payload.length);
  return bytesOf(out);
}

const anyFrame = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 200 }), fc.uint8Array({ maxLength: 60 }), fc.boolean())
    .map(([stream, data, end]) => frame(FRAME.DATA, end ? 1 : 0, stream, data)),
  fc
    .tuple(fc.uint8Array({ maxLength: 30 }), fc.integer({ min: 0, max: 9 }))
    .map(([data, pad]) =>
      frame(FRAME.DATA, FLAG.PADDED, 1, Buffer.concat([Buffer.from([pad]), data, Buffer.alloc(pad)])),
    ),
  fc.uint8Array({ maxLength: 80 }).map((data) => frame(FRAME.HEADERS, 4, 3, data)),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((data) => frame(FRAME.PING, 0, 0, data)),
  fc.uint8Array({ maxLength: 300 }).map((data) => frame(0x42, 7, 5, data)),
  fc.constant(frame(FRAME.SETTINGS, 1, 0, Buffer.alloc(0))),
);

describe('a frame reader', () => {
  it('reads the same however the bytes are split', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), fc.array(fc.nat(40)), (frames, cuts) => {
        const bytes = Buffer.concat(frames);
        const whole = new Log();
        expect(new FrameReader(whole).read(bytes, 0, bytes.length)).toBe(0);
        const split = new Log();
        const reader = new FrameReader(split);
        for (let at = 0, k = 0; at < bytes.length; k++) {
          const end = Math.min(bytes.length, at + 1 + (cuts[k % Math.max(1, cuts.length)] ?? 0));
          // Each piece in memory of its own, as if from another read.
          const piece = Buffer.from(bytes.subarray(at, end));
          expect(reader.read(piece, 0, piece.length)).toBe(0);
          at = end;
        }
        expect(split.all).toEqual(whole.all);
        expect(reader.midFrame).toBe(false);
      }),
    );
  });

  it('reads bytes one by one', () => {
    const bytes = Buffer.concat([
      frame(FRAME.DATA, FLAG.PADDED | FLAG.END_STREAM, 9, Buffer.from('\x02abc\0\0')),
      frame(FRAME.DATA, FLAG.PADDED, 9, Buffer.from('\x02\0\0')),
      frame(FRAME.HEADERS, 5, 11, Buffer.from('abcdef')),
      frame(99, 0, 0, Buffer.from('unknown')),
      frame(FRAME.DATA, 1, 11, Buffer.alloc(0)),
    ]);
    const log = new Log();
    const reader = new FrameReader(log);
    for (const byte of bytes) expect(reader.read(Buffer.from([byte]), 0, 1)).toBe(0);
    expect(log.all).toEqual(['0 9 9 6: 616263', '0 8 9 3: ', '1 5 11 6: 616263646566', '0 1 11 0: ']);
  });

  it.each([
    [
      'a frame larger than announced',
      frame(FRAME.DATA, 0, 1, Buffer.alloc(FRAME_SIZE + 1)),
      ERROR.FRAME_SIZE_ERROR,
    ],
    ['padding longer than the frame', frame(FRAME.DATA, 8, 1, Buffer.from('\x05abcd')), ERROR.PROTOCOL_ERROR],
    [
      'a padded frame without length of padding',
      frame(FRAME.DATA, 8, 1, Buffer.alloc(0)),
      ERROR.FRAME_SIZE_ERROR,
    ],
    ['DATA on stream 0', frame(FRAME.DATA, 0, 0, Buffer.alloc(1)), ERROR.PROTOCOL_ERROR],
    ['HEADERS on stream 0', frame(FRAME.HEADERS, 4, 0, Buffer.alloc(1)), ERROR.PROTOCOL_ERROR],
    ['a short PING', frame(FRAME.PING, 0, 0, Buffer.alloc(7)), ERROR.FRAME_SIZE_ERROR],
    ['PING on a stream', frame(FRAME.PING, 0, 1, Buffer.alloc(8)), ERROR.PROTOCOL_ERROR],
    ['SETTINGS on a stream', frame(FRAME.SETTINGS, 0, 1, Buffer.alloc(6)), ERROR.PROTOCOL_ERROR],
    ['SETTINGS of 5 bytes', frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(5)), ERROR.FRAME_SIZE_ERROR],
    [
      'an acknowledgement with settings',
      frame(FRAME.SETTINGS, 1, 0, Buffer.alloc(6)),
      ERROR.FRAME_SIZE_ERROR,
    ],
    ['RST_STREAM of 5 bytes', frame(FRAME.RST_STREAM, 0, 1, Buffer.alloc(5)), ERROR.FRAME_SIZE_ERROR],
    ['RST_STREAM on stream 0', frame(FRAME.RST_STREAM, 0, 0, Buffer.alloc(4)), ERROR.PROTOCOL_ERROR],
    ['WINDOW_UPDATE of 3 bytes', frame(FRAME.WINDOW_UPDATE, 0, 1, Buffer.alloc(3)), ERROR.FRAME_SIZE_ERROR],
    ['GOAWAY of 7 bytes', frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(7)), ERROR.FRAME_SIZE_ERROR],
    ['GOAWAY on a stream', frame(FRAME.GOAWAY, 0, 1, Buffer.alloc(8)), ERROR.PROTOCOL_ERROR],
    ['PRIORITY on stream 0', frame(FRAME.PRIORITY, 0, 0, Buffer.alloc(5)), ERROR.PROTOCOL_ERROR],
  ])('refuses %s', (_name, bytes, error) => {
    expect(new FrameReader(new Log()).read(bytes, 0, bytes.length)).toBe(error);
    const reader = new FrameReader(new Log());
    let found = 0;
    for (let i = 0; i < bytes.length && found === 0; i++) found = reader.read(bytes, i, i + 1);
    expect(found).toBe(error);
  });

  it('stops where its sink says so', () => {
    const log = new Log();
    log.answer = STOP;
    const bytes = Buffer.concat([
      frame(FRAME.PING, 0, 0, Buffer.alloc(8)),
      frame(FRAME.PING, 0, 0, Buffer.alloc(8)),
    ]);
    expect(new FrameReader(log).read(bytes, 0, bytes.length)).toBe(STOP);
    expect(log.all).toHaveLength(1);
  });
});

describe('a frame writer', () => {
  it('writes what the reader reads', () => {
    const out = new Output();
    settings(out, [
      [3, 128],
      [4, 2 ** 31 - 1],
    ]);
    settingsAck(out);
    ping(out, FLAG.ACK, Buffer.from('12345678'), 0);
    rstStream(out, 2 ** 31 - 1, ERROR.CANCEL);
    windowUpdate(out, 0, 2 ** 31 - 1);
    goAway(out, 2 ** 31 - 1, ERROR.ENHANCE_YOUR_CALM);
    const log = new Log();
    expect(new FrameReader(log).read(out.bytes, 0, out.end)).toBe(0);
    expect(log.all).toEqual([
      '4 0 0 12: 00030000008000047fffffff',
      '4 1 0 0: ',
      '6 1 0 8: 3132333435363738',
      '3 0 2147483647 4: 00000008',
      '8 0 0 4: 7fffffff',
      '7 0 0 8: 7fffffff0000000b',
    ]);
  });

  it.each([1, 99, 100, 101, 200, 201, 1000, 70_000])('cuts a header block of %i bytes', (length) => {
    const block = Buffer.alloc(length);
    for (let i = 0; i < length; i++) block[i] = i * 7;
    const out = new Output();
    out.append(Buffer.from('before'), 0, 6);
    const from = out.end;
    out.reserve(FRAME_HEADER);
    out.end += FRAME_HEADER;
    out.append(block, 0, length);
    endHeaders(out, from, 5, FLAG.END_STREAM, 100);
    const log = new Log();
    expect(new FrameReader(log).read(out.bytes, from, out.end)).toBe(0);
    const parts = log.all.map((line) => line.split(': '));
    expect(parts.map((p) => p[1]).join('')).toBe(block.toString('hex'));
    const heads = parts.map((p) => p[0]!.split(' ').map(Number));
    heads.forEach(([type, flags, stream, size], i) => {
      expect(type).toBe(i === 0 ? FRAME.HEADERS : FRAME.CONTINUATION);
      expect(flags! & FLAG.END_HEADERS).toBe(i === heads.length - 1 ? FLAG.END_HEADERS : 0);
      expect(flags! & FLAG.END_STREAM).toBe(i === 0 ? FLAG.END_STREAM : 0);
      expect(stream).toBe(5);
      expect(size).toBeLessThanOrEqual(100);
    });
  });
});
