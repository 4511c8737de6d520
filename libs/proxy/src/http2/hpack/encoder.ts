import { copyInto } from '../../bytes.js';
import { hashStep, TOKEN } from '../../http1/tables.js';
import type { Output } from '../output.js';
import { STATIC_COUNT } from './decode-table.js';
import { EncodeTable } from './encode-table.js';
import { STATIC_FIELDS } from './fields.js';

/** Largest dynamic table that is used, whatever the peer allows; memory per connection is twice that. */
const MOST_TABLE = 4096;

/** In the table when it comes for the second time. */
const ADDS = 0;
/** Not in the table: the value is another one each time. */
const PLAIN = 1;
/** In no table on the whole way (RFC 7541 section 7.1.3): a secret. */
const NEVER = 2;

const SECRET_NAMES = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'www-authenticate',
  'proxy-authenticate',
];
const CHANGING_NAMES = [
  ':path',
  'content-length',
  'etag',
  'content-range',
  'last-modified',
  'location',
  'age',
  'range',
];

/** Names of the static table: slot of the hash -> index of its first entry; no two share one (checked below). */
const NAME_SLOTS = 512;
const slotOf = (hash: number): number => (hash ^ (hash >>> 7)) & (NAME_SLOTS - 1);
const INDEX = new Uint8Array(NAME_SLOTS);
const WAY = new Uint8Array(STATIC_COUNT + 1);
const STATIC_NAMES: Uint8Array[] = [];
const STATIC_VALUES: Uint8Array[] = [];
STATIC_FIELDS.forEach(([name, value], i) => {
  STATIC_NAMES[i + 1] = Buffer.from(name, 'latin1');
  STATIC_VALUES[i + 1] = Buffer.from(value, 'latin1');
  WAY[i + 1] = SECRET_NAMES.includes(name) ? NEVER : CHANGING_NAMES.includes(name) ? PLAIN : ADDS;
  if (i > 0 && STATIC_FIELDS[i - 1]![0] === name) return;
  const slot = slotOf(hashOfName(STATIC_NAMES[i + 1]!));
  if (INDEX[slot] !== 0)
    throw new Error(`field names ${name} and ${STATIC_FIELDS[INDEX[slot]! - 1]![0]} share a slot`);
  INDEX[slot] = i + 1;
});

function hashOfName(name: Uint8Array): number {
  let hash = 0;
  for (const c of name) hash = hashStep(hash, c);
  return hash;
}

/** Lower-cased name of the field under way. */
let lower = new Uint8Array(512);

/** Encodes header blocks into an Output. A table is made when the first field comes for the second time. */
export class HpackEncoder {
  private table: EncodeTable | null = null;
  private limit = MOST_TABLE;
  /** The peer allows another table than the one it was told of last; smallest value since then. */
  private announce = -1;
  private first = new Int32Array(0);
  private firstCount = 0;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  allow(bytes: number): void {
    const limit = Math.min(bytes, MOST_TABLE);
    if (limit === this.limit) return;
    // RFC 7541 section 4.2: the table is emptied, which is always allowed, and grows again.
    this.limit = limit;
    this.table = null;
    this.announce = limit;
  }

  /** Call before the fields of each block. */
  begin(out: Output): void {
    if (this.announce < 0) return;
    out.reserve(16);
    integer(out, 0x20, 5, 0);
    if (this.announce > 0) integer(out, 0x20, 5, this.announce);
    this.announce = -1;
  }

  status(out: Output, status: number): void {
    out.reserve(8);
    const index = STATUS_INDEX.get(status);
    if (index !== undefined) {
      out.bytes[out.end++] = 0x80 | index;
      return;
    }
    const { bytes } = out;
    let i = out.end;
    bytes[i++] = 0x08; // name of index 8, not added
    bytes[i++] = 3;
    bytes[i++] = 48 + ((status / 100) | 0);
    bytes[i++] = 48 + (((status / 10) | 0) % 10);
    bytes[i++] = 48 + (status % 10);
    out.end = i;
  }

  /** A field of the static table, by its HPACK index. */
  indexed(out: Output, index: number): void {
    out.reserve(4);
    out.bytes[out.end++] = 0x80 | index;
  }

  /** A field whose name is `b[nameStart..nameEnd)` (any case) and whose value is `v[valueStart..valueEnd)`. */
  field(
    out: Output,
    b: Uint8Array,
    nameStart: number,
    nameEnd: number,
    v: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    const nameLength = nameEnd - nameStart;
    if (lower.length < nameLength) lower = new Uint8Array(2 * nameLength);
    let hash = 0;
    for (let i = 0; i < nameLength; i++) {
      const c = b[nameStart + i]!;
      const l = c === 58 ? c : TOKEN[c]!; // a colon only in front of a pseudo-header
      lower[i] = l;
      hash = (Math.imul(hash, 33) ^ l) | 0;
    }
    out.reserve(nameLength + valueEnd - valueStart + 24);
    const index = staticIndex(hash, nameLength);
    const way = index === 0 ? ADDS : WAY[index]!;
    if (index > 0 && staticPair(out, index, v, valueStart, valueEnd)) return;
    if (way === ADDS && this.limit > 0 && this.dynamic(out, index, hash, nameLength, v, valueStart, valueEnd))
      return;
    const first = way === NEVER ? 0x10 : 0;
    literal(out, first, 4, index, nameLength, v, valueStart, valueEnd);
  }

  /** Writes the field by way of the dynamic table; false when it is not for the table. */
  private dynamic(
    out: Output,
    index: number,
    nameHash: number,
    nameLength: number,
    v: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    let hash = nameHash;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + v[i]!) | 0;
    hash = hash ^ (hash >>> 15);
    if (hash === 0) hash = 1;
    let { table } = this;
    if (table === null) {
      if (!this.seenBefore(hash)) return false;
      table = this.table = new EncodeTable(this.limit);
    } else {
      const found = table.find(hash, lower, 0, nameLength, v, start, end);
      if (found >= 0) {
        integer(out, 0x80, 7, STATIC_COUNT + 1 + found);
        return true;
      }
      if (!table.seenBefore(hash)) return false;
    }
    if (!table.fits(nameLength + end - start)) return false;
    table.add(hash, lower, 0, nameLength, v, start, end);
    literal(out, 0x40, 6, index, nameLength, v, start, end);
    return true;
  }

  /** Before there is a table, a few hashes are remembered: most connections carry one or two requests. */
  private seenBefore(hash: number): boolean {
    if (this.first.length === 0) this.first = new Int32Array(16);
    for (let i = 0; i < this.first.length; i++) if (this.first[i] === hash) return true;
    this.first[this.firstCount++ & 15] = hash;
    return false;
  }
}

const STATUS_INDEX = new Map<number, number>([
  [200, 8],
  [204, 9],
  [206, 10],
  [304, 11],
  [400, 12],
  [404, 13],
  [500, 14],
]);

/** Index of the first static entry with the name in `lower`, 0 for none. */
function staticIndex(hash: number, length: number): number {
  const index = INDEX[slotOf(hash)]!;
  if (index === 0) return 0;
  const name = STATIC_NAMES[index]!;
  if (name.length !== length) return 0;
  for (let i = 0; i < length; i++) if (name[i] !== lower[i]) return 0;
  return index;
}

/** Writes the index of a static entry with this very value; false when there is none. */
function staticPair(out: Output, first: number, v: Uint8Array, start: number, end: number): boolean {
  for (let index = first; index <= STATIC_COUNT; index++) {
    if (index > first && STATIC_FIELDS[index - 1]![0] !== STATIC_FIELDS[first - 1]![0]) return false;
    const value = STATIC_VALUES[index]!;
    if (value.length === 0 || value.length !== end - start) continue;
    let i = 0;
    while (i < value.length && value[i] === v[start + i]) i++;
    if (i < value.length) continue;
    out.bytes[out.end++] = 0x80 | index;
    return true;
  }
  return false;
}

function literal(
  out: Output,
  first: number,
  prefix: number,
  index: number,
  nameLength: number,
  v: Uint8Array,
  start: number,
  end: number,
): void {
  integer(out, first, prefix, index);
  if (index === 0) {
    integer(out, 0, 7, nameLength);
    copyInto(out.bytes, out.end, lower, 0, nameLength);
    out.end += nameLength;
  }
  integer(out, 0, 7, end - start);
  copyInto(out.bytes, out.end, v, start, end);
  out.end += end - start;
}

/** RFC 7541 section 5.1; `first` holds the bits in front of the prefix. */
function integer(out: Output, first: number, prefix: number, value: number): void {
  const { bytes } = out;
  const most = (1 << prefix) - 1;
  if (value < most) {
    bytes[out.end++] = first | value;
    return;
  }
  bytes[out.end++] = first | most;
  let rest = value - most;
  while (rest >= 128) {
    bytes[out.end++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[out.end++] = rest;
}
