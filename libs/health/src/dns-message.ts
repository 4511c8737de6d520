/** The little of DNS messages (RFC 1035) that a health check needs. Pure. */

export interface DnsAnswer {
  readonly type: number;
  /** Address, name or text, where the type is one that has one. */
  readonly value: string;
}

export interface DnsResponse {
  readonly id: number;
  readonly rcode: number;
  readonly answers: readonly DnsAnswer[];
}

const HEADER = 12;
const FLAG_RESPONSE = 0x8000;
const FLAG_RECURSION_DESIRED = 0x0100;
const CLASS_IN = 1;
const TYPE = { A: 1, NS: 2, CNAME: 5, PTR: 12, MX: 15, TXT: 16, AAAA: 28 } as const;

/** A question for one name and type; labels over 63 bytes are cut. */
export function dnsQuery(id: number, name: string, type: number): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(FLAG_RECURSION_DESIRED, 2);
  head.writeUInt16BE(1, 4);
  const labels = name
    .split('.')
    .filter((label) => label !== '')
    .map((label) => {
      const bytes = Buffer.from(label, 'utf8').subarray(0, 63);
      return Buffer.concat([Buffer.of(bytes.length), bytes]);
    });
  const tail = Buffer.alloc(5);
  tail.writeUInt16BE(type, 1);
  tail.writeUInt16BE(CLASS_IN, 3);
  return Buffer.concat([head, ...labels, tail]);
}

/** It ends in the middle of something, or leads nowhere. */
class Malformed extends Error {}

function u8(message: Buffer, at: number): number {
  if (at >= message.length) throw new Malformed();
  return message[at]!;
}

const u16 = (message: Buffer, at: number): number => (u8(message, at) << 8) | u8(message, at + 1);

/** What a response says; undefined when it is none, or malformed. */
export function readDnsResponse(message: Buffer): DnsResponse | undefined {
  if (message.length < HEADER) return undefined;
  const flags = u16(message, 2);
  if ((flags & FLAG_RESPONSE) === 0) return undefined;
  try {
    let at = HEADER;
    for (let n = u16(message, 4); n > 0; n--) at = readName(message, at).end + 4;
    const answers: DnsAnswer[] = [];
    for (let n = u16(message, 6); n > 0; n--) {
      at = readName(message, at).end;
      const type = u16(message, at);
      const length = u16(message, at + 8);
      at += 10;
      if (at + length > message.length) return undefined;
      answers.push({ type, value: valueOf(message, type, at, length) });
      at += length;
    }
    return { id: u16(message, 0), rcode: flags & 15, answers };
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function valueOf(message: Buffer, type: number, at: number, length: number): string {
  const data = message.subarray(at, at + length);
  if (type === TYPE.A && length === 4) return data.join('.');
  if (type === TYPE.AAAA && length === 16) return shortIPv6(data);
  if (type === TYPE.MX && length > 2) return readName(message, at + 2).name;
  if (type === TYPE.NS || type === TYPE.CNAME || type === TYPE.PTR) return readName(message, at).name;
  if (type !== TYPE.TXT) return '';
  let text = '';
  for (let i = 0; i < data.length; i += 1 + data[i]!) text += data.toString('utf8', i + 1, i + 1 + data[i]!);
  return text;
}

/** As RFC 5952 writes addresses. */
function shortIPv6(data: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => u16(data, i * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

/** A name, by way of pointers. */
function readName(message: Buffer, from: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = from;
  let end = -1;
  // Each pointer has to lead back, so this ends; a name has no more than 127 labels.
  for (let steps = 0; steps < 256; steps++) {
    const length = u8(message, at);
    if (length === 0) return { name: labels.join('.'), end: end < 0 ? at + 1 : end };
    if (length >= 0xc0) {
      if (end < 0) end = at + 2;
      at = u16(message, at) & 0x3fff;
      continue;
    }
    if (length > 63 || at + 1 + length > message.length) throw new Malformed();
    labels.push(message.toString('utf8', at + 1, at + 1 + length));
    at += 1 + length;
  }
  throw new Malformed();
}
