import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Output } from '../output.js';
import { HpackDecoder, type FieldSink } from './decoder.js';
import { HpackEncoder } from './encoder.js';
import { KIND } from './fields.js';
import { decodedMost, decodeHuffman, encodeHuffman, huffmanLength } from './huffman.js';

type Field = [name: string, value: string];

class Fields implements FieldSink {
  readonly all: Field[] = [];
  readonly kinds: number[] = [];
  field(kind: number, b: Uint8Array, start: number, valueAt: number, end: number): void {
    const text = (from: number, to: number): string => Buffer.from(b.subarray(from, to)).toString('latin1');
    expect(text(valueAt - 2, valueAt)).toBe(': ');
    expect(text(end - 2, end)).toBe('\r\n');
    this.all.push([text(start, valueAt - 2), text(valueAt, end - 2)]);
    this.kinds.push(kind);
  }
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function decode(decoder: HpackDecoder, block: Uint8Array): Field[] | null {
  const sink = new Fields();
  return decoder.decode(block, 0, block.length, sink) ? sink.all : null;
}

function encode(encoder: HpackEncoder, fields: readonly Field[]): Buffer {
  const out = new Output();
  encoder.begin(out);
  for (const [name, value] of fields) {
    const n = Buffer.from(name, 'latin1');
    const v = Buffer.from(value, 'latin1');
    encoder.field(out, n, 0, n.length, v, 0, v.length);
  }
  return Buffer.from(out.bytes.subarray(0, out.end));
}

const REQUESTS: Field[][] = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
];
const COOKIE = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const RESPONSES: Field[][] = [
  [
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
    ['location', 'https://www.example.com'],
    ['content-encoding', 'gzip'],
    ['set-cookie', COOKIE],
  ],
];

describe('RFC 7541 appendix C', () => {
  it.each([
    ['C.2.1', '400a637573746f6d2d6b65790d637573746f6d2d686561646572', ['custom-key', 'custom-header']],
    ['C.2.2', '040c2f73616d706c652f70617468', [':path', '/sample/path']],
    ['C.2.3', '100870617373776f726406736563726574', ['password', 'secret']],
    ['C.2.4', '82', [':method', 'GET']],
  ])('%s: one field', (_name, block, field) => {
    expect(decode(new HpackDecoder(), hex(block))).toEqual([field]);
  });

  it.each([
    [
      'C.3: requests without Huffman code',
      4096,
      REQUESTS,
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    ],
    [
      'C.4: requests with Huffman code',
      4096,
      REQUESTS,
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    ],
    [
      'C.5: responses without Huffman code, and evictions',
      256,
      RESPONSES,
      [
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '4803 3330 37c1 c0bf',
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      ],
    ],
    [
      'C.6: responses with Huffman code, and evictions',
      256,
      RESPONSES,
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        '4883 640e ffc1 c0bf',
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ],
    ],
  ])('%s', (_name, table, expected, blocks) => {
    const decoder = new HpackDecoder(table);
    expect(blocks.map((block) => decode(decoder, hex(block)))).toEqual(expected);
  });
});

describe('a decoder refuses', () => {
  it.each([
    ['index 0', '80'],
    ['an index beyond the tables', 'be'],
    ['a name index beyond the tables', '7f00 0161'],
    ['an integer that never ends', 'ffffffffff'],
    ['an integer too large', '7fffffffff0f'],
    ['a string cut off', '4003 6162'],
    ['a block cut in a name', '40'],
    ['a table larger than allowed', '3fe21f'],
    ['a table size behind a field', '8220'],
    ['padding of eight bits', '4001 6182 ffff'],
    ['padding that is not ones', '4001 6181 00'],
    ['the symbol for the end', '4001 6184 ffff fffc'],
  ])('%s', (_name, block) => {
    expect(decode(new HpackDecoder(), hex(block))).toBeNull();
  });
});

const kindOf = (name: string, value: string): number => {
  const sink = new Fields();
  const n = Buffer.from(name, 'latin1');
  const v = Buffer.from(value, 'latin1');
  const block = Buffer.concat([Buffer.from([0x40, n.length]), n, Buffer.from([v.length]), v, hex('be')]);
  expect(new HpackDecoder().decode(block, 0, block.length, sink)).toBe(true);
  // As a literal and out of the table it is the same.
  expect(sink.kinds[1]).toBe(sink.kinds[0]);
  return sink.kinds[0]!;
};

describe('kinds of fields', () => {
  it.each([
    ['x-own', 'a b\tc', KIND.PLAIN],
    ['x-own', '', KIND.PLAIN],
    [':path', '/', KIND.PATH],
    [':protocol', 'websocket', KIND.PROTOCOL],
    ['cookie', 'a=b', KIND.COOKIE],
    ['te', 'trailers', KIND.TE],
    ['connection', 'close', KIND.CONNECTION],
    ['proxy-connection', 'close', KIND.CONNECTION],
    ['transfer-encoding', 'chunked', KIND.CONNECTION],
    ['keep-alive', '1', KIND.CONNECTION],
    ['upgrade', 'h2c', KIND.CONNECTION],
    ['X-Own', 'a', KIND.MALFORMED],
    ['x own', 'a', KIND.MALFORMED],
    ['x:own', 'a', KIND.MALFORMED],
    [':own', 'a', KIND.MALFORMED],
    [':', 'a', KIND.MALFORMED],
    ['', 'a', KIND.MALFORMED],
    ['x\r\ny', 'a', KIND.MALFORMED],
    ['x\0', 'a', KIND.MALFORMED],
    ['x-own', 'a\r\nb: c', KIND.MALFORMED],
    ['x-own', 'a\nb', KIND.MALFORMED],
    ['x-own', 'a\0', KIND.MALFORMED],
    ['x-own', ' a', KIND.MALFORMED],
    ['x-own', 'a\t', KIND.MALFORMED],
    [':path', '/ HTTP/1.1\r\n', KIND.MALFORMED],
  ])('%j: %j', (name, value, kind) => {
    expect(kindOf(name, value)).toBe(kind);
  });

  it('a good value under the name of a bad field is good', () => {
    const sink = new Fields();
    const block = Buffer.concat([hex('4001 7801 00'), hex('7e01 61')]); // x: NUL, then the same name with `a`
    expect(new HpackDecoder().decode(block, 0, block.length, sink)).toBe(true);
    expect(sink.kinds).toEqual([KIND.MALFORMED, KIND.PLAIN]);
  });
});

const name = fc.stringMatching(/^[a-z0-9-]{1,30}$/);
const value = fc
  .array(
    fc.integer({ min: 0x21, max: 0xff }).filter((c) => c !== 0x7f),
    { maxLength: 200 },
  )
  .map((codes) => String.fromCharCode(...codes));
const staticPair = fc.constantFrom<Field>(
  [':method', 'GET'],
  [':status', '500'],
  ['accept-encoding', 'gzip, deflate'],
  ['content-type', 'application/grpc'],
  ['cookie', 'a=b'],
);
const field = fc.oneof(fc.tuple(name, value), staticPair);

describe('round trips', () => {
  it('Huffman code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const code = new Uint8Array(bytes.length * 4 + 4);
        const end = encodeHuffman(bytes, 0, bytes.length, code, 0);
        expect(end).toBe(huffmanLength(bytes, 0, bytes.length));
        const text = new Uint8Array(decodedMost(end) + 1);
        const to = decodeHuffman(code, 0, end, text, 0);
        expect(Buffer.from(text.subarray(0, to))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('blocks, with fields that come again, through tables of any size', () => {
    fc.assert(
      fc.property(
        fc.array(field, { minLength: 1, maxLength: 20 }),
        fc.array(fc.array(fc.nat(), { maxLength: 30 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 0, max: 8000 }), { maxLength: 20 }),
        (fields, blocks, sizes) => {
          const encoder = new HpackEncoder();
          const decoder = new HpackDecoder();
          blocks.forEach((picks, i) => {
            if (sizes[i] !== undefined) encoder.allow(sizes[i]);
            const block = picks.map((p) => fields[p % fields.length]!);
            expect(decode(decoder, encode(encoder, block))).toEqual(block);
          });
        },
      ),
    );
  });

  it('any bytes are decoded or refused', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (blocks) => {
        const decoder = new HpackDecoder();
        for (const block of blocks) if (decode(decoder, block) === null) return;
      }),
      { numRuns: 2000 },
    );
  });

  it('a field that comes again costs one byte, and secrets are in no table', () => {
    const encoder = new HpackEncoder();
    const plain: Field[] = [['x-own', 'value']];
    encode(encoder, plain);
    encode(encoder, plain);
    expect(encode(encoder, plain)).toHaveLength(1);
    const secret: Field[] = [['Authorization', 'Bearer x']];
    for (let i = 0; i < 4; i++) expect(encode(encoder, secret)[0]! & 0xf0).toBe(0x10);
  });
});

const PYTHON = '/usr/bin/python3';
const oracle = spawnSync(PYTHON, ['-c', 'import hpack']).status === 0;

const run = (program: string, input: unknown): unknown => {
  const { stdout, stderr, status } = spawnSync(PYTHON, ['-c', program], { input: JSON.stringify(input) });
  if (status !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString()) as unknown;
};

(oracle ? describe : describe.skip)('beside the hpack module of Python', () => {
  const ascii = fc.stringMatching(/^[!-~]{0,60}$/);
  const message = fc.array(fc.oneof(fc.tuple(name, ascii), staticPair), { minLength: 1, maxLength: 12 });
  const messages = fc.sample(fc.array(message, { minLength: 3, maxLength: 10 }), { numRuns: 30, seed: 7 });
  // Each message once more, so that the tables are used.
  const runs = messages.map((m) => m.concat(m, m));

  it('it decodes what we encode', () => {
    const blocks = runs.map((r) => {
      const encoder = new HpackEncoder();
      return r.map((fields) => encode(encoder, fields).toString('hex'));
    });
    const program = `
import sys, json, hpack
out = []
for blocks in json.load(sys.stdin):
    d = hpack.Decoder()
    out.append([[[n.decode('latin1'), v.decode('latin1')] for n, v in d.decode(bytes.fromhex(b), raw=True)] for b in blocks])
json.dump(out, sys.stdout)`;
    expect(run(program, blocks)).toEqual(runs);
  });

  it('we decode what it encodes', () => {
    const program = `
import sys, json, hpack
out = []
for i, r in enumerate(json.load(sys.stdin)):
    e = hpack.Encoder()
    blocks = []
    for k, fields in enumerate(r):
        if k % 4 == 3: e.header_table_size = (100, 4096, 0)[i % 3]
        blocks.append(e.encode([tuple(f) for f in fields], huffman=bool((i + k) % 2)).hex())
    out.append(blocks)
json.dump(out, sys.stdout)`;
    const decoded = (run(program, runs) as string[][]).map((blocks) => {
      const decoder = new HpackDecoder();
      return blocks.map((b) => decode(decoder, hex(b)));
    });
    expect(decoded).toEqual(runs);
  });
});
