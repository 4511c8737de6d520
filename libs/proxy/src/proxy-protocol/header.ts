/**
 * The header of the PROXY protocol, versions 1 and 2 ("The PROXY protocol", HAProxy Technologies, sections 2.1 and
 * 2.2), read strictly: nothing that could be read in another way is accepted.
 */
export interface ProxyHeader {
  /** Bytes of the header, from its first one. */
  readonly length: number;
  /** The connection as the sender had it; null where the sender speaks for itself (LOCAL) or does not know (UNKNOWN). */
  readonly ends: ProxiedEnds | null;
}

export interface ProxiedEnds {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** A header, the wish for more bytes, or the statement that this is none. */
export type ReadHeader = ProxyHeader | 'more' | 'malformed';

/** Longest header that is read: the addresses of version 2 and room for what senders attach (TLVs). */
export const MOST_HEADER = 4096;
/** Section 2.1: the longest line of version 1, with its end. */
const MOST_LINE = 107;
const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const PREFIX = Uint8Array.from('PROXY ', (c) => c.charCodeAt(0));
const V2_HEAD = 16;
const CRLF = 2;

/** Looks at `data[start..end)`, the first bytes of a connection. Nothing is kept. */
export function readHeader(data: Uint8Array, start: number, end: number): ReadHeader {
  const had = end - start;
  if (had === 0) return 'more';
  const signature = data[start] === SIGNATURE[0] ? SIGNATURE : PREFIX;
  const compared = Math.min(had, signature.length);
  for (let i = 0; i < compared; i++) if (data[start + i] !== signature[i]) return 'malformed';
  if (had < signature.length) return 'more';
  return signature === PREFIX ? readLine(data, start, end) : readBinary(data, start, end);
}

function readLine(data: Uint8Array, start: number, end: number): ReadHeader {
  const most = Math.min(end, start + MOST_LINE);
  let at = start + PREFIX.length;
  while (at < most && data[at] !== 0x0d) {
    // Visible ASCII and single spaces alone.
    if (data[at]! < 0x20 || data[at]! > 0x7e) return 'malformed';
    at++;
  }
  if (at >= most) return most - start === MOST_LINE ? 'malformed' : 'more';
  if (at + 1 >= end) return at + CRLF - start > MOST_LINE ? 'malformed' : 'more';
  if (data[at + 1] !== 0x0a || at + CRLF - start > MOST_LINE) return 'malformed';
  const length = at + CRLF - start;
  const line = Buffer.from(data.buffer, data.byteOffset + start, length - CRLF).toString('latin1');
  const ends = endsOf(line);
  return ends === undefined ? 'malformed' : { length, ends };
}

function endsOf(line: string): ProxiedEnds | null | undefined {
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = '', ...rest] =
    line.split(' ');
  // Section 2.1: whatever follows UNKNOWN is to be ignored.
  if (family === 'UNKNOWN') return null;
  const isAddress = family === 'TCP4' ? isV4 : family === 'TCP6' ? isV6 : null;
  if (isAddress === null || rest.length > 0) return undefined;
  if (!isAddress(source) || !isAddress(destination)) return undefined;
  const [from, to] = [portOf(sourcePort), portOf(destinationPort)];
  if (from < 0 || to < 0) return undefined;
  return { remoteAddress: source, remotePort: from, localAddress: destination, localPort: to };
}

const isV4 = (text: string): boolean => {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) <= 255);
};

/** Groups of hexadecimal digits with at most one `::`; no embedded IPv4, no scope. */
function isV6(text: string): boolean {
  if (text.length > 39 || !/^[0-9a-fA-F:]+$/.test(text)) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((h) => (h === '' ? [] : h.split(':')));
  if (!groups.every((g) => /^[0-9a-fA-F]{1,4}$/.test(g))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}

const portOf = (text: string): number =>
  /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : -1;

const COMMAND = { LOCAL: 0x20, PROXY: 0x21 } as const;
const FAMILY = { UNSPEC: 0x00, TCP4: 0x11, TCP6: 0x21, UNIX_STREAM: 0x31 } as const;
/** Bytes of the addresses, by family. */
const ADDRESSES: Readonly<Record<number, number>> = {
  [FAMILY.UNSPEC]: 0,
  [FAMILY.TCP4]: 12,
  [FAMILY.TCP6]: 36,
  [FAMILY.UNIX_STREAM]: 216,
};

function readBinary(data: Uint8Array, start: number, end: number): ReadHeader {
  if (end - start < V2_HEAD) return 'more';
  const command = data[start + 12];
  const family = data[start + 13]!;
  const rest = (data[start + 14]! << 8) | data[start + 15]!;
  const length = V2_HEAD + rest;
  if (command !== COMMAND.LOCAL && command !== COMMAND.PROXY) return 'malformed';
  if (length > MOST_HEADER) return 'malformed';
  const addresses = ADDRESSES[family];
  // A receiver ignores the family of LOCAL (section 2.2); for the rest only streams come over a stream.
  if (command === COMMAND.PROXY && (addresses === undefined || rest < addresses)) return 'malformed';
  if (end - start < length) return 'more';
  const attached =
    start + V2_HEAD + (command === COMMAND.PROXY ? addresses! : Math.min(rest, addresses ?? rest));
  if (command === COMMAND.PROXY && !attachmentsHold(data, start, attached, start + length))
    return 'malformed';
  if (command === COMMAND.LOCAL) return { length, ends: null };
  const at = start + V2_HEAD;
  if (family === FAMILY.TCP4)
    return { length, ends: endsAt(v4At(data, at), v4At(data, at + 4), data, at + 8) };
  if (family === FAMILY.TCP6)
    return { length, ends: endsAt(v6At(data, at), v6At(data, at + 16), data, at + 32) };
  return { length, ends: null };
}

const endsAt = (from: string, to: string, data: Uint8Array, ports: number): ProxiedEnds => ({
  remoteAddress: from,
  remotePort: (data[ports]! << 8) | data[ports + 1]!,
  localAddress: to,
  localPort: (data[ports + 2]! << 8) | data[ports + 3]!,
});

const TLV_HEAD = 3;
const TYPE_CRC32C = 0x03;

/** Section 2.2.1: they fill what is left exactly; a checksum has to be right, the others are skipped. */
function attachmentsHold(data: Uint8Array, start: number, from: number, end: number): boolean {
  let at = from;
  while (at < end) {
    if (end - at < TLV_HEAD) return false;
    const length = (data[at + 1]! << 8) | data[at + 2]!;
    const value = at + TLV_HEAD;
    if (value + length > end) return false;
    if (data[at] === TYPE_CRC32C && !checksumHolds(data, start, end, value, length)) return false;
    at = value + length;
  }
  return true;
}

function checksumHolds(data: Uint8Array, start: number, end: number, at: number, length: number): boolean {
  if (length !== 4) return false;
  const said = ((data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!) >>> 0;
  let crc = ~0;
  for (let i = start; i < end; i++) {
    crc ^= i >= at && i < at + 4 ? 0 : data[i]!;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
  }
  return ~crc >>> 0 === said;
}

const v4At = (data: Uint8Array, at: number): string =>
  `${data[at]}.${data[at + 1]}.${data[at + 2]}.${data[at + 3]}`;

/** RFC 5952: the longest run of zero groups is `::`. */
function v6At(data: Uint8Array, at: number): string {
  const words = Array.from({ length: 8 }, (_, i) => (data[at + 2 * i]! << 8) | data[at + 2 * i + 1]!);
  let best = -1;
  let most = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && words[i + run] === 0) run++;
    if (run > most) {
      best = i;
      most = run;
    }
  }
  const text = (from: number, to: number): string =>
    words
      .slice(from, to)
      .map((g) => g.toString(16))
      .join(':');
  return best < 0 ? text(0, 8) : `${text(0, best)}::${text(best + most, 8)}`;
}

/** The header that tells a server of a connection, in version 1 or 2. */
export function writeHeader(version: 1 | 2, ends: ProxiedEnds): Uint8Array {
  const from = bytesOf(ends.remoteAddress);
  const to = bytesOf(ends.localAddress);
  // Ends of two families, or none: the server shall take the connection as ours.
  const told = from !== null && to !== null && from.length === to.length;
  if (version === 1) {
    const text = told
      ? `PROXY ${from.length === 4 ? 'TCP4' : 'TCP6'} ${textOf(from)} ${textOf(to)} ${ends.remotePort} ${ends.localPort}\r\n`
      : 'PROXY UNKNOWN\r\n';
    return Buffer.from(text, 'latin1');
  }
  const addresses = told ? [...from, ...to, ...port(ends.remotePort), ...port(ends.localPort)] : [];
  const family = !told ? FAMILY.UNSPEC : from.length === 4 ? FAMILY.TCP4 : FAMILY.TCP6;
  return Uint8Array.from([...SIGNATURE, COMMAND.PROXY, family, 0, addresses.length, ...addresses]);
}

const port = (n: number): number[] => [n >> 8, n & 255];
const textOf = (address: number[]): string => {
  const bytes = Uint8Array.from(address);
  return bytes.length === 4 ? v4At(bytes, 0) : v6At(bytes, 0);
};

const groups = (part: string | undefined): string[] => (part ? part.split(':') : []);

/** An address as the transport gives it, which may have a scope; null when it is none. */
function bytesOf(text: string): number[] | null {
  const [address = ''] = text.split('%', 1);
  if (isV4(address)) return address.split('.').map(Number);
  if (!isV6(address)) return null;
  const [head = '', tail] = address.split('::');
  const filled = [
    ...groups(head),
    ...Array<string>(8 - groups(head).length - groups(tail).length).fill('0'),
    ...groups(tail),
  ];
  return filled.flatMap((g) => port(Number.parseInt(g, 16)));
}
