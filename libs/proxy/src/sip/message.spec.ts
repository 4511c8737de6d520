import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Frames } from './frames.js';
import { INCOMPLETE, MALFORMED, MOST_MESSAGE, SipMessage } from './message.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const invite = (fields: string, body = ''): string =>
  `INVITE sip:bob@example.com SIP/2.0\r\n${fields}\r\n${body}`;

function read(text: string, stream = true): { length: number; callId: string; message: SipMessage } {
  const b = bytes(text);
  const message = new SipMessage();
  const length = message.scan(b, 0, b.length, stream);
  return { length, callId: text.slice(message.callIdStart, message.callIdEnd), message };
}

const GOOD: [what: string, text: string, callId: string][] = [
  ['a request', invite('Call-ID: a84b4c76e66710@pc33\r\nContent-Length: 0\r\n'), 'a84b4c76e66710@pc33'],
  ['a response', 'SIP/2.0 180 Ringing\r\nCall-ID: x\r\nContent-Length: 0\r\n\r\n', 'x'],
  ['compact names, in either case', invite('I: y\r\nL: 0\r\n'), 'y'],
  ['any case', invite('CALL-id:y\r\ncontent-LENGTH:0\r\n'), 'y'],
  ['space before a colon', invite('Call-ID : y\r\nContent-Length\t: 0\r\n'), 'y'],
  ['folded lines', invite('Subject: one\r\n two\r\nCall-ID:\r\n  y\r\nContent-Length: 0\r\n'), 'y'],
  ['a body', invite('i: y\r\nl: 5\r\n', 'hello'), 'y'],
  ['a method of its own', 'X-1 tel:+1 SIP/2.0\r\ni: y\r\nl: 0\r\n\r\n', 'y'],
  ['a reason with nothing in it', 'SIP/2.0 200 \r\ni: y\r\nl: 0\r\n\r\n', 'y'],
];

const BAD: [what: string, text: string][] = [
  ['no Call-ID', invite('Content-Length: 0\r\n')],
  ['an empty Call-ID', invite('Call-ID:  \r\nContent-Length: 0\r\n')],
  ['two Call-IDs', invite('Call-ID: a\r\ni: b\r\nContent-Length: 0\r\n')],
  ['a Call-ID of two words', invite('Call-ID: a b\r\nContent-Length: 0\r\n')],
  ['a Call-ID that is folded in the middle', invite('Call-ID: a\r\n b\r\nContent-Length: 0\r\n')],
  ['two lengths', invite('i: a\r\nContent-Length: 0\r\nl: 0\r\n')],
  ['a length that is none', invite('i: a\r\nl: +1\r\n')],
  ['an empty length', invite('i: a\r\nl:\r\n')],
  ['a length beyond all measure', invite('i: a\r\nl: 99999999999\r\n')],
  ['a message that is too long', invite(`i: a\r\nl: ${MOST_MESSAGE}\r\n`)],
  ['a bare LF', 'INVITE sip:b SIP/2.0\ni: a\nl: 0\n\n'],
  ['a bare CR', invite('i: a\rb\r\nl: 0\r\n')],
  ['NUL', invite('i: a\0b\r\nl: 0\r\n')],
  ['a field without a name', invite(': a\r\ni: a\r\nl: 0\r\n')],
  ['a field without a colon', invite('nonsense\r\ni: a\r\nl: 0\r\n')],
  ['another version', 'INVITE sip:b SIP/3.0\r\ni: a\r\nl: 0\r\n\r\n'],
  ['HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a URI with a space', 'INVITE sip:b c SIP/2.0\r\ni: a\r\nl: 0\r\n\r\n'],
  ['no URI', 'INVITE SIP/2.0\r\ni: a\r\nl: 0\r\n\r\n'],
  ['a code of two digits', 'SIP/2.0 20 OK\r\ni: a\r\nl: 0\r\n\r\n'],
  ['a line that begins with space', ` ${invite('i: a\r\nl: 0\r\n')}`],
  ['too many fields', invite(`${'a: b\r\n'.repeat(300)}i: a\r\nl: 0\r\n`)],
  ['a head without end', `INVITE sip:b SIP/2.0\r\na: ${'x'.repeat(20_000)}`],
];

describe('a SIP message', () => {
  it.each(GOOD)('may have %s', (_what, text, callId) => {
    expect(read(text)).toMatchObject({ length: text.length, callId });
    expect(read(text, false)).toMatchObject({ length: text.length, callId });
    expect(read(`${text}INVITE`).length).toBe(text.length);
  });

  it.each(BAD)('must not have %s', (_what, text) => {
    expect(read(text).length).toBe(MALFORMED);
    expect(read(text, false).length).toBe(MALFORMED);
  });

  it('needs a length in a stream, and none in a datagram', () => {
    const text = invite('i: a\r\n', 'body');
    expect([read(text).length, read(text, false).length]).toEqual([MALFORMED, text.length]);
  });

  it('ends where its length says, in a datagram too; a datagram that is too short is none', () => {
    expect(read(invite('i: a\r\nl: 2\r\n', 'abcd'), false).length).toBe(
      invite('i: a\r\nl: 2\r\n').length + 2,
    );
    expect(read(invite('i: a\r\nl: 5\r\n', 'abcd'), false).length).toBe(MALFORMED);
  });

  it('is incomplete in a stream as long as bytes are missing, wherever it is cut', () => {
    for (const [, text] of GOOD)
      for (let cut = 0; cut < text.length; cut++) expect(read(text.slice(0, cut)).length).toBe(INCOMPLETE);
  });

  it('is refused or read, never more than is there, whatever the bytes', () => {
    const corpus = [...GOOD.map(([, t]) => t), ...BAD.map(([, t]) => t)];
    fc.assert(
      fc.property(
        fc.constantFrom(...corpus),
        fc.array(fc.tuple(fc.nat({ max: 400 }), fc.constantFrom(...'\r\n\0 :;ilIL019aSIP/'.split(''))), {
          maxLength: 4,
        }),
        fc.boolean(),
        (text, edits, stream) => {
          const b = bytes(text);
          for (const [at, c] of edits) b[at % b.length] = c.charCodeAt(0);
          const message = new SipMessage();
          const length = message.scan(b, 0, b.length, stream);
          expect(length).toBeLessThanOrEqual(b.length);
          if (length > 0) {
            expect(message.callIdEnd).toBeGreaterThan(message.callIdStart);
            expect(message.callIdEnd).toBeLessThan(length);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('a stream of SIP', () => {
  it('gives the same messages however it is cut, and answers pings', () => {
    const messages = GOOD.map(([, t]) => t);
    const text = `\r\n${messages.join('')}\r\n\r\n${messages[0]!}\r\n`;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 80 }), (sizes) => {
        const got: string[] = [];
        let pings = 0;
        const frames = new Frames({
          message: (_m, b, start, end) =>
            got.push(Buffer.from(b.subarray(start, end)).toString('latin1')) > 0,
          ping: () => pings++,
        });
        const b = bytes(text);
        for (let at = 0, i = 0; at < b.length; i++) {
          const end = Math.min(b.length, at + sizes[i % sizes.length]!);
          expect(frames.take(b, at, end)).toBe(true);
          at = end;
        }
        expect(got).toEqual([...messages, messages[0]]);
        expect(pings).toBe(1);
      }),
      { numRuns: 200 },
    );
  });

  it.each(BAD)('ends with %s', (_what, text) => {
    const frames = new Frames({ message: () => true, ping: () => undefined });
    expect(frames.take(bytes(text), 0, text.length)).toBe(false);
  });
});
