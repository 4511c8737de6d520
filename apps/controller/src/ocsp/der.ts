/** As much of DER (X.690) as OCSP needs. */

export const TAG = {
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  SEQUENCE: 0x30,
} as const;

/** One element: its tag, its content, and all of it with the header. */
export interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
}

export class DerError extends Error {
  readonly code = 'DER_INVALID';
}

/** The elements that stand one after the other. Throws `DerError` when they do not fill the bytes. */
export function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const next = first(bytes.subarray(at));
    found.push(next);
    at += next.whole.length;
  }
  return found;
}

function first(bytes: Buffer): Element {
  const [tag, short] = bytes;
  if (tag === undefined || short === undefined || (tag & 0x1f) === 0x1f)
    throw new DerError('not an element of DER');
  const more = short < 0x80 ? 0 : short & 0x7f;
  if (short === 0x80 || more > 4 || bytes.length < 2 + more) throw new DerError('a length that is none');
  const length = more === 0 ? short : bytes.readUIntBE(2, more);
  const end = 2 + more + length;
  if (end > bytes.length) throw new DerError('an element that is cut short');
  return { tag, content: bytes.subarray(2 + more, end), whole: bytes.subarray(0, end) };
}

export function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const size: number[] = [];
  for (let n = body.length; n > 0; n >>= 8) size.unshift(n & 0xff);
  const length = body.length < 0x80 ? [body.length] : [0x80 | size.length, ...size];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}
