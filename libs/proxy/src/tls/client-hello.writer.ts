/** Writes ClientHellos for tests, as strange as they are wished. */
export interface WrittenHello {
  legacyVersion: number;
  sessionId: Uint8Array;
  cipherSuites: number[];
  /** Type and body, in order. */
  extensions: [number, Uint8Array][];
}

const u8 = (n: number): Buffer => Buffer.from([n & 255]);
export const u16 = (n: number): Buffer => Buffer.from([(n >> 8) & 255, n & 255]);
export const vector = (lengthBytes: 1 | 2, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([lengthBytes === 1 ? u8(body.length) : u16(body.length), body]);
};

export const serverName = (name: string): [number, Uint8Array] => [
  0,
  vector(2, u8(0), vector(2, Buffer.from(name, 'latin1'))),
];
export const alpn = (...names: string[]): [number, Uint8Array] => [
  16,
  vector(2, ...names.map((n) => vector(1, Buffer.from(n, 'latin1')))),
];
export const versions = (...list: number[]): [number, Uint8Array] => [43, vector(1, ...list.map(u16))];
export const groups = (...list: number[]): [number, Uint8Array] => [10, vector(2, ...list.map(u16))];
export const schemes = (...list: number[]): [number, Uint8Array] => [13, vector(2, ...list.map(u16))];
export const sessionTicket = (ticket: Uint8Array): [number, Uint8Array] => [35, ticket];
export const preSharedKey = (...identities: Uint8Array[]): [number, Uint8Array] => [
  41,
  Buffer.concat([
    vector(2, ...identities.flatMap((id) => [vector(2, id), Buffer.alloc(4, 7)])),
    vector(2, ...identities.map(() => vector(1, Buffer.alloc(32, 9)))),
  ]),
];

export function helloBody(hello: WrittenHello): Buffer {
  return Buffer.concat([
    u16(hello.legacyVersion),
    Buffer.alloc(32, 0x5a),
    vector(1, hello.sessionId),
    vector(2, ...hello.cipherSuites.map(u16)),
    vector(1, u8(0)),
    vector(2, ...hello.extensions.map(([type, body]) => Buffer.concat([u16(type), vector(2, body)]))),
  ]);
}

/** The message with its header, cut into records of the given sizes; what is left over goes into one more. */
export function inRecords(body: Uint8Array, sizes: readonly number[] = []): Buffer {
  const message = Buffer.concat([u8(1), u8(body.length >> 16), u16(body.length & 0xffff), body]);
  const parts: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, message.length]) {
    if (at === message.length) break;
    const piece = message.subarray(at, at + Math.min(size, message.length - at));
    at += piece.length;
    parts.push(u8(22), u16(0x0301), vector(2, piece));
  }
  return Buffer.concat(parts);
}
