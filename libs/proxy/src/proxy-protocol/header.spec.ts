import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MOST_HEADER, readHeader, writeHeader, type ReadHeader } from './header.js';

const read = (bytes: Uint8Array): ReadHeader => readHeader(bytes, 0, bytes.length);
const text = (line: string): Uint8Array => Buffer.from(line, 'latin1');
const hex = (digits: string): Uint8Array => Buffer.from(digits.replaceAll(' ', ''), 'hex');

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const ends = (remoteAddress: string, remotePort: number, localAddress: string, localPort: number) => ({
  remoteAddress,
  remotePort,
  localAddress,
  localPort,
});

/** The same address, however it is spelled. */
const same = (a: string, b: string): boolean =>
  a.includes(':') ? new URL(`http://[${a}]/`).href === new URL(`http://[${b}]/`).href : a === b;

describe('the header of the PROXY protocol', () => {
  it.each([
    ['PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n', ends('192.168.0.1', 56324, '192.168.0.11', 443)],
    ['PROXY TCP4 255.255.255.255 0.0.0.0 0 65535\r\n', ends('255.255.255.255', 0, '0.0.0.0', 65535)],
    ['PROXY TCP6 2001:db8::1 ::1 1 2\r\n', ends('2001:db8::1', 1, '::1', 2)],
    [
      'PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe 65535 65535\r\n',
      ends(
        'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
        65535,
        'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe',
        65535,
      ),
    ],
    ['PROXY UNKNOWN\r\n', null],
    ['PROXY UNKNOWN whatever it may say 1 2\r\n', null],
  ])('version 1 (section 2.1): %j', (line, expected) => {
    expect(read(text(`${line}GET / HTTP/1.1\r\n`))).toEqual({ length: line.length, ends: expected });
  });

  it.each([
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n',
    'PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 +1 443\r\n',
    'PROXY TCP4 192.168.0.256 192.168.0.11 1 443\r\n',
    'PROXY TCP4 192.168.00.1 192.168.0.11 1 443\r\n',
    'PROXY TCP4 2001:db8::1 ::1 1 2\r\n',
    'PROXY TCP6 192.168.0.1 192.168.0.11 1 2\r\n',
    'PROXY TCP6 2001:db8:::1 ::1 1 2\r\n',
    'PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n',
    'PROXY TCP6 1:2:3:4::5:6:7:8 ::1 1 2\r\n',
    'PROXY TCP6 12345::1 ::1 1 2\r\n',
    'PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n',
    'PROXY UDP4 192.168.0.1 192.168.0.11 1 2\r\n',
    'PROXY\tTCP4 192.168.0.1 192.168.0.11 1 2\r\n',
    'proxy TCP4 192.168.0.1 192.168.0.11 1 2\r\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 1 2\n',
    'PROXY TCP4 192.168.0.1 192.168.0.11 1 2\r\r\n',
    `PROXY UNKNOWN ${'x'.repeat(200)}\r\n`,
    'GET / HTTP/1.1\r\n\r\n',
    '\r\n\r\nGET / HTTP/1.1\r\n',
  ])('refuses %j', (line) => {
    expect(read(text(`${line}${'x'.repeat(120)}`))).toBe('malformed');
  });

  it.each([
    [
      'over IPv4',
      `${SIGNATURE} 21 11 000c 0a000001 0a000002 1f90 01bb`,
      ends('10.0.0.1', 8080, '10.0.0.2', 443),
    ],
    [
      'over IPv6',
      `${SIGNATURE} 21 21 0024 20010db8000000000000000000000001 00000000000000000000000000000001 0001 0002`,
      ends('2001:db8::1', 1, '::1', 2),
    ],
    [
      'with what is attached',
      `${SIGNATURE} 21 11 0017 0a000001 0a000002 1f90 01bb 04 0003 000000 01 0002 6832`,
      ends('10.0.0.1', 8080, '10.0.0.2', 443),
    ],
    ['LOCAL, whatever follows', `${SIGNATURE} 20 00 0003 ffffff`, null],
    ['LOCAL with a family', `${SIGNATURE} 20 11 000c 0a000001 0a000002 1f90 01bb`, null],
    ['of no family', `${SIGNATURE} 21 00 0000`, null],
    ['over a Unix socket', `${SIGNATURE} 21 31 00d8 ${'00'.repeat(216)}`, null],
  ])('version 2 (section 2.2) %s', (_what, digits, expected) => {
    const bytes = hex(digits);
    expect(read(Buffer.concat([bytes, text('more')]))).toEqual({ length: bytes.length, ends: expected });
  });

  it.each([
    ['version 1 in the binary form', `${SIGNATURE} 11 11 000c 0a000001 0a000002 1f90 01bb`],
    ['an unknown command', `${SIGNATURE} 22 11 000c 0a000001 0a000002 1f90 01bb`],
    ['datagrams', `${SIGNATURE} 21 12 000c 0a000001 0a000002 1f90 01bb`],
    ['an unknown family', `${SIGNATURE} 21 41 000c 0a000001 0a000002 1f90 01bb`],
    ['addresses cut short', `${SIGNATURE} 21 11 000b 0a000001 0a000002 1f90 01`],
    [
      'an attachment that goes over the end',
      `${SIGNATURE} 21 11 0010 0a000001 0a000002 1f90 01bb 04 0002 00`,
    ],
    ['an attachment without a length', `${SIGNATURE} 21 11 000e 0a000001 0a000002 1f90 01bb 04 00`],
    ['a wrong checksum', `${SIGNATURE} 21 11 0013 0a000001 0a000002 1f90 01bb 03 0004 00000001`],
    ['a length beyond the limit', `${SIGNATURE} 21 11 ffff 0a000001 0a000002 1f90 01bb`],
  ])('version 2 refuses %s', (_what, digits) => {
    expect(read(hex(digits))).toBe('malformed');
  });

  it('checks the checksum that is attached (section 2.2.3)', () => {
    const bytes = Buffer.from(hex(`${SIGNATURE} 21 11 0013 0a000001 0a000002 1f90 01bb 03 0004 00000000`));
    let crc = ~0;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
    }
    bytes.writeUInt32BE(~crc >>> 0, bytes.length - 4);
    expect(read(bytes)).toMatchObject({ length: bytes.length });
    bytes[20]! ^= 1;
    expect(read(bytes)).toBe('malformed');
  });

  const address = fc.oneof(
    fc.tuple(fc.ipV4(), fc.ipV4()),
    fc
      .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
      .map(
        ([a, b]) =>
          [a, b].map((x) => Buffer.from(x).toString('hex').match(/.{4}/g)!.join(':')) as [string, string],
      ),
  );
  const port = fc.integer({ min: 0, max: 65535 });
  const anyEnds = fc.tuple(address, port, port).map(([[from, to], a, b]) => ends(from, a, to, b));

  it('reads what it writes, at any split, and leaves what follows', () => {
    fc.assert(
      fc.property(
        anyEnds,
        fc.constantFrom(1 as const, 2 as const),
        fc.uint8Array({ maxLength: 40 }),
        (e, v, rest) => {
          const header = writeHeader(v, e);
          for (let cut = 0; cut < header.length; cut++) expect(read(header.subarray(0, cut))).toBe('more');
          const all = read(Buffer.concat([header, rest]));
          if (typeof all === 'string' || all.ends === null) throw new Error(JSON.stringify(all));
          expect(all.length).toBe(header.length);
          expect(same(all.ends.remoteAddress, e.remoteAddress)).toBe(true);
          expect(same(all.ends.localAddress, e.localAddress)).toBe(true);
          expect([all.ends.remotePort, all.ends.localPort]).toEqual([e.remotePort, e.localPort]);
        },
      ),
    );
  });

  it('says of any bytes what they are, within bounds and the same at every offset', () => {
    const start = fc.constantFrom(
      text('PROXY TCP4 '),
      text('PROXY TCP6 '),
      hex(`${SIGNATURE}2111`),
      hex(`${SIGNATURE}2121`),
      text(''),
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 20 }), (head, junk, offset) => {
        const bytes = Buffer.concat([head, junk]);
        const shifted = Buffer.concat([Buffer.alloc(offset, 0x50), bytes, Buffer.alloc(8, 0x0a)]);
        const answer = read(bytes);
        expect(readHeader(shifted, offset, offset + bytes.length)).toEqual(answer);
        if (answer === 'more') expect(bytes.length).toBeLessThan(MOST_HEADER);
        if (typeof answer !== 'string') expect(answer.length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('tells of ends of two families that it does not know', () => {
    const mixed = ends('10.0.0.1', 1, '::1', 2);
    expect(Buffer.from(writeHeader(1, mixed)).toString()).toBe('PROXY UNKNOWN\r\n');
    expect(read(writeHeader(2, mixed))).toEqual({ length: 16, ends: null });
    expect(Buffer.from(writeHeader(1, ends('fe80::1%eth0', 1, 'fe80::2', 2))).toString()).toBe(
      'PROXY TCP6 fe80::1 fe80::2 1 2\r\n',
    );
  });
});
