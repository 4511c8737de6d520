import { type AddressKey, addressKey } from './address.js';
import { textOf } from './bytes.js';
import { decode, NormalPath, PathForm } from './normal-form.js';

/** Numbers per field in a field table, and which is which: start and end of the name, start and end of the value. */
export const FIELD_STRIDE = 5;
export const NAME_START = 0;
export const NAME_END = 1;
export const VALUE_START = 2;
export const VALUE_END = 3;

const NOTHING = new Uint8Array(0);

/** Header lines of a scanned message: positions in its bytes. White space behind a value may be part of it. */
export class FieldsView {
  b: Uint8Array = NOTHING;
  fields = new Int32Array(0);
  fieldCount = 0;

  at(field: number, what: number): number {
    return this.fields[field * FIELD_STRIDE + what]!;
  }

  /** End of a value without the white space behind it. */
  valueEnd(field: number): number {
    let end = this.at(field, VALUE_END);
    const start = this.at(field, VALUE_START);
    while (end > start && (this.b[end - 1] === 32 || this.b[end - 1] === 9)) end--;
    return end;
  }

  value(field: number): string {
    return textOf(this.b, this.at(field, VALUE_START), this.valueEnd(field));
  }
}

/** Which side of the connection between client and SE an address is of. */
export interface Peer {
  readonly address: string;
  readonly key: AddressKey | null;
}

export const peer = (address: string): Peer => ({ address, key: addressKey(address) });

const ROOT = Uint8Array.of(47);
export const VERSIONS = ['0.9', '1.0', '1.1', '2.0'] as const;

/** A request as rules read it. One object serves all requests: fill it and call `begin`. */
export class RequestView extends FieldsView {
  methodStart = 0;
  methodEnd = 0;
  /** Path and query, without scheme and authority. */
  pathStart = 0;
  targetEnd = 0;
  hostField = -1;
  /** Place in VERSIONS. */
  version = 2;
  /** Came over TLS. */
  secure = false;
  /** Of the virtual service. */
  port = 0;
  /** The user behind the connection, and who made the connection. */
  client: Peer = peer('');
  source: Peer = this.client;

  /** Counts requests, for who remembers what it found out about one. */
  serial = 0;
  pathEnd = 0;
  private readonly normal = new NormalPath();
  private form: PathForm | -1 = -1;
  private query = new Uint8Array(1024);
  private queryLength = -1;

  /** All fields are set. */
  begin(): void {
    this.serial = (this.serial + 1) & 0x3fff_ffff;
    this.form = -1;
    this.queryLength = -1;
    const { b, targetEnd } = this;
    let i = this.pathStart;
    while (i < targetEnd && b[i] !== 63) i++;
    this.pathEnd = i;
  }

  get hasQuery(): boolean {
    return this.pathEnd < this.targetEnd;
  }

  /** The path in its normal form. */
  normalPath(): NormalPath {
    if (this.form === -1) {
      // A target in absolute form without a path stands for the root.
      this.form =
        this.pathStart === this.pathEnd
          ? this.normal.take(ROOT, 0, 1)
          : this.normal.take(this.b, this.pathStart, this.pathEnd);
    }
    return this.normal;
  }

  /** The path cannot be relied on; see `NormalPath`. */
  get ambiguous(): boolean {
    this.normalPath();
    return this.form === PathForm.Ambiguous;
  }

  /** Decoded query, without the question mark; its length, the bytes are in `decodedQuery`. */
  decodeQuery(): number {
    if (this.queryLength < 0) {
      const from = Math.min(this.pathEnd + 1, this.targetEnd);
      if (this.targetEnd - from > this.query.length) this.query = new Uint8Array((this.targetEnd - from) * 2);
      this.queryLength = decode(this.b, from, this.targetEnd, this.query);
    }
    return this.queryLength;
  }

  get decodedQuery(): Uint8Array {
    return this.query;
  }

  /** As it came; `/` for an absolute form without one. */
  pathText(): string {
    return this.pathStart === this.pathEnd ? '/' : textOf(this.b, this.pathStart, this.pathEnd);
  }

  /** As it came, without the question mark. */
  queryText(): string {
    return this.hasQuery ? textOf(this.b, this.pathEnd + 1, this.targetEnd) : '';
  }

  /** As it came; empty without one. */
  hostText(): string {
    return this.hostField < 0 ? '' : this.value(this.hostField);
  }
}

/** A response as rules read it. */
export class ResponseView extends FieldsView {
  status = 0;
}
