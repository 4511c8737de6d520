import { copyInto } from '../../bytes.js';
import { DecodeTable, STATIC_COUNT, STATIC_LINES } from './decode-table.js';
import { BAD_VALUE, flagOfValue, KIND, kindOfName } from './fields.js';
import { decodedMost, decodeHuffman } from './huffman.js';

/** Takes the fields of a block, in order. */
export interface FieldSink {
  /**
   * A field as header line `b[start..end)` (`name: value\r\n`), its value from `valueAt` to `end - 2`; valid during
   * the call only. `kind` is one of KIND; of a MALFORMED one nothing else may be used.
   */
  field(kind: number, b: Uint8Array, start: number, valueAt: number, end: number): void;
}

/** Largest integer of HPACK that is taken; no table or string comes near it. */
const MOST_INTEGER = 2 ** 24;

/** Literal fields are put together here. */
let line = new Uint8Array(16 * 1024);

/**
 * Decodes header blocks (RFC 7541). A table is made when the peer first adds to it. After `false` the state is
 * that of nobody: the connection has to end with COMPRESSION_ERROR.
 */
export class HpackDecoder {
  private table: DecodeTable | null = null;
  private tableLimit: number;
  /** Where the last integer or string ended. */
  private at = 0;

  /** @param mostTable bytes of dynamic table that the peer may use: the SETTINGS_HEADER_TABLE_SIZE it was told */
  constructor(private readonly mostTable = 4096) {
    this.tableLimit = mostTable;
  }

  /** Decodes a whole block `b[start..end)`; false when it is wrong. */
  decode(b: Uint8Array, start: number, end: number, sink: FieldSink): boolean {
    this.at = start;
    let mayResize = true;
    while (this.at < end) {
      const c = b[this.at]!;
      if ((c & 0x80) !== 0) {
        if (!this.indexed(b, end, sink)) return false;
      } else if ((c & 0xe0) === 0x20) {
        if (!mayResize || !this.resize(b, end)) return false;
        continue;
      } else if (!this.literal(b, end, sink, (c & 0x40) !== 0)) return false;
      mayResize = false;
    }
    return true;
  }

  private indexed(b: Uint8Array, end: number, sink: FieldSink): boolean {
    let index = b[this.at]! & 0x7f;
    if (index < 0x7f) this.at++;
    else index = this.integer(b, end, 7);
    if (index <= 0) return false;
    if (index <= STATIC_COUNT) {
      const i = index - 1;
      const { bytes, starts, values, ends, kinds } = STATIC_LINES;
      sink.field(kinds[i]!, bytes, starts[i]!, values[i]!, ends[i]!);
      return true;
    }
    const { table } = this;
    const found = table === null ? -1 : table.find(index - STATIC_COUNT - 1);
    if (found < 0) return false;
    const kind = table!.kindOf(found);
    sink.field(
      (kind & BAD_VALUE) === 0 ? kind : KIND.MALFORMED,
      table!.bytes,
      table!.startOf(found),
      table!.valueStartOf(found),
      table!.endOf(found),
    );
    return true;
  }

  private literal(b: Uint8Array, end: number, sink: FieldSink, adds: boolean): boolean {
    const index = this.integer(b, end, adds ? 6 : 4);
    if (index < 0) return false;
    let kind: number;
    let nameEnd: number;
    if (index === 0) {
      nameEnd = this.string(b, end, 0);
      if (nameEnd < 0) return false;
      kind = kindOfName(line, 0, nameEnd);
    } else if (index <= STATIC_COUNT) {
      const i = index - 1;
      nameEnd = this.name(STATIC_LINES.bytes, STATIC_LINES.starts[i]!, STATIC_LINES.values[i]! - 2);
      kind = STATIC_LINES.kinds[i]!;
    } else {
      const { table } = this;
      const found = table === null ? -1 : table.find(index - STATIC_COUNT - 1);
      if (found < 0) return false;
      nameEnd = this.name(table!.bytes, table!.startOf(found), table!.valueStartOf(found) - 2);
      kind = table!.kindOf(found) & ~BAD_VALUE;
    }
    const valueAt = nameEnd + 2;
    const valueEnd = this.string(b, end, valueAt);
    if (valueEnd < 0) return false;
    line[nameEnd] = 58;
    line[nameEnd + 1] = 32;
    line[valueEnd] = 13;
    line[valueEnd + 1] = 10;
    kind |= flagOfValue(line, valueAt, valueEnd);
    if (adds && this.tableLimit > 0)
      (this.table ??= this.newTable()).add(line, 0, valueAt, valueEnd + 2, kind);
    sink.field((kind & BAD_VALUE) === 0 ? kind : KIND.MALFORMED, line, 0, valueAt, valueEnd + 2);
    return true;
  }

  private newTable(): DecodeTable {
    const table = new DecodeTable(this.mostTable);
    table.resize(this.tableLimit);
    return table;
  }

  private name(b: Uint8Array, start: number, end: number): number {
    room(end - start, 0);
    copyInto(line, 0, b, start, end);
    return end - start;
  }

  /** Reads a string to `line[at..)`; the position behind it, or -1. Leaves room for the rest of a line. */
  private string(b: Uint8Array, end: number, at: number): number {
    if (this.at >= end) return -1;
    const huffman = (b[this.at]! & 0x80) !== 0;
    const length = this.integer(b, end, 7);
    const from = this.at;
    const to = from + length;
    if (length < 0 || to > end) return -1;
    this.at = to;
    room(at + (huffman ? decodedMost(length) : length), at);
    if (huffman) return decodeHuffman(b, from, to, line, at);
    copyInto(line, at, b, from, to);
    return at + length;
  }

  /** RFC 7541 section 5.1; -1 when it is cut off or too large. */
  private integer(b: Uint8Array, end: number, prefix: number): number {
    const most = (1 << prefix) - 1;
    let n = b[this.at++]! & most;
    if (n < most) return n;
    for (let shift = 0; ; shift += 7) {
      if (this.at >= end || shift > 21) return -1;
      const c = b[this.at++]!;
      n += (c & 0x7f) << shift;
      if ((c & 0x80) === 0) return n > MOST_INTEGER ? -1 : n;
    }
  }

  private resize(b: Uint8Array, end: number): boolean {
    const limit = this.integer(b, end, 5);
    if (limit < 0 || limit > this.mostTable) return false;
    this.tableLimit = limit;
    this.table?.resize(limit);
    return true;
  }
}

/** Makes `line` at least so long (and a line's end longer); its first `kept` bytes stay. */
function room(length: number, kept: number): void {
  if (line.length >= length + 64) return;
  const longer = new Uint8Array(2 * (length + 64));
  longer.set(line.subarray(0, kept));
  line = longer;
}
