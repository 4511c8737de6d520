import { isIPv6 } from 'node:net';

/** Types of records that the server knows. */
export const TYPE = { A: 1, AAAA: 28 } as const;
export const RCODE = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3 } as const;

/** One question as a client asks it. */
export interface Question {
  id: number;
  /** In lower case, without the last dot. */
  name: string;
  type: number;
  /** Name, type and class as they came. */
  bytes: Buffer;
}

/** Reads the first question of a query (RFC 1035 section 4.1); undefined for anything else. */
export function readQuestion(query: Buffer): Question | undefined {
  if (query.length < 17 || (query.readUInt16BE(2) & 0x8000) !== 0 || query.readUInt16BE(4) < 1)
    return undefined;
  const labels: string[] = [];
  let at = 12;
  for (;;) {
    const length = query[at];
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) break;
    labels.push(query.toString('latin1', at, at + length).toLowerCase());
    at += length;
  }
  if (at + 4 > query.length) return undefined;
  return {
    id: query.readUInt16BE(0),
    name: labels.join('.'),
    type: query.readUInt16BE(at),
    bytes: query.subarray(12, at + 4),
  };
}

/** An authoritative answer with these addresses, or none. */
export function writeAnswer(
  { id, bytes, type }: Question,
  rcode: number,
  addresses: readonly string[],
  ttl: number,
): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(0x8580 | rcode, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((address) => {
    const data = type === TYPE.AAAA ? v6(address) : Buffer.from(address.split('.').map(Number));
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, bytes, ...records]);
}

/** The 16 bytes of an address. */
function v6(address: string): Buffer {
  if (!isIPv6(address)) throw new Error(`${address} is no IPv6 address`);
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  const bytes = Buffer.alloc(16);
  for (const [i, group] of [...left, ...zeros, ...right].entries())
    bytes.writeUInt16BE(parseInt(group, 16), 2 * i);
  return bytes;
}
