import { copyInto } from '../bytes.js';

/**
 * The first message of a TLS client (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2), read before anybody answers
 * it: which certificate fits, whose ticket it brings, and where a connection goes that is passed through by name.
 */
export interface ClientHello {
  /** `server_name` (RFC 6066 section 3) in lower case without a final dot; empty when there is none. */
  readonly serverName: string;
  /** Application protocols in the client's order (RFC 7301). */
  readonly protocols: readonly string[];
  /** Versions that the client can do, in its order: 0x0304 is TLS 1.3. */
  readonly versions: readonly number[];
  readonly cipherSuites: readonly number[];
  /** Signature schemes for the server's signature; empty when the extension is absent (TLS 1.2 and older). */
  readonly signatureSchemes: readonly number[];
  /** Key-exchange groups, and those of them that bring a share along. */
  readonly groups: readonly number[];
  readonly keyShares: readonly number[];
  /**
   * What the client offers to resume: the ticket of TLS 1.2 (RFC 5077) or the first identity of TLS 1.3. A view of
   * the bytes that were read; null when it offers nothing.
   */
  readonly ticket: Uint8Array | null;
  /** It asks for a stapled OCSP response (RFC 6066 section 8). */
  readonly statusRequest: boolean;
  /** It sends application data before the handshake is over (RFC 8446 section 4.2.10). */
  readonly earlyData: boolean;
}

/** Why something is no ClientHello. */
export type NoClientHello =
  /** Not TLS: HTTP on the wrong port, or SSL 2. */
  | 'not_tls'
  /** The lengths do not fit into each other, an extension is there twice, a name is none. */
  | 'malformed'
  /** Longer than MOST_CLIENT_HELLO. */
  | 'too_long';

/** Answer of a look at the bytes that are there: the message, the wish for more, or why it is none. */
export type Peeked = ClientHello | 'more' | NoClientHello;

/** Most bytes, records included, that are read to see a whole ClientHello. Post-quantum ones have about 2 kB. */
export const MOST_CLIENT_HELLO = 32 * 1024;

export const TLS_1_2 = 0x0303;
export const TLS_1_3 = 0x0304;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;
const MOST_IN_RECORD = 16_384;
/** Records that one ClientHello may be spread over. Clients use one or two; each more is work for every byte. */
const MOST_RECORDS = 64;

/**
 * Looks at `data[start..end)`, which begins with the first byte of a connection. Nothing is kept: while the answer
 * is `more` the caller gathers bytes and asks again with all of them.
 */
export function peekClientHello(data: Uint8Array, start: number, end: number): Peeked {
  const first = wholeMessage(data, start, end);
  if (typeof first === 'string') return first;
  const reader = new Reader(first.bytes, first.start, first.end);
  const hello = readHello(reader);
  return reader.bad || hello === null ? 'malformed' : hello;
}

interface Span {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** The body of the first handshake message: in place when one record holds it, else put together (section 5.1). */
function wholeMessage(data: Uint8Array, start: number, end: number): Span | 'more' | NoClientHello {
  let at = start;
  let had = 0;
  let length = -1;
  for (let records = 0; length < 0 || had < length; records++) {
    if (at - start > MOST_CLIENT_HELLO || records === MOST_RECORDS) return 'too_long';
    if ((at < end && data[at] !== HANDSHAKE) || (at + 1 < end && data[at + 1] !== 3))
      return records === 0 ? 'not_tls' : 'malformed';
    if (end - at < RECORD_HEADER) return 'more';
    const size = (data[at + 3]! << 8) | data[at + 4]!;
    if (size === 0 || size > MOST_IN_RECORD) return 'malformed';
    at += RECORD_HEADER;
    const there = Math.min(size, end - at);
    for (let i = 0; i < there && had + i < MESSAGE_HEADER; i++) header[had + i] = data[at + i]!;
    had += there;
    if (had > 0 && header[0] !== CLIENT_HELLO) return 'malformed';
    if (had >= MESSAGE_HEADER) {
      length = MESSAGE_HEADER + ((header[1]! << 16) | (header[2]! << 8) | header[3]!);
      if (length > MOST_CLIENT_HELLO) return 'too_long';
      if (records === 0 && had >= length)
        return { bytes: data, start: at + MESSAGE_HEADER, end: at + length };
    }
    if (there < size && (length < 0 || had < length)) return 'more';
    at += size;
  }
  return joined(data, start, length);
}

/** The first four bytes of the message, which may lie in several records. */
const header = new Uint8Array(MESSAGE_HEADER);

/** Copies a message together that lies in several records, all of it there. */
function joined(data: Uint8Array, start: number, length: number): Span {
  const bytes = new Uint8Array(length);
  let had = 0;
  for (let at = start; had < length;) {
    const size = (data[at + 3]! << 8) | data[at + 4]!;
    // What follows the message in its last record is another message, which is not ours to read.
    const taken = Math.min(size, length - had);
    copyInto(bytes, had, data, at + RECORD_HEADER, at + RECORD_HEADER + taken);
    had += taken;
    at += RECORD_HEADER + size;
  }
  return { bytes, start: MESSAGE_HEADER, end: length };
}

/** Reads numbers and vectors; what reaches beyond the end makes it `bad` and yields zeros. */
class Reader {
  bad = false;
  constructor(
    readonly bytes: Uint8Array,
    public at: number,
    public end: number,
  ) {}

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.at < this.end ? this.bytes[this.at++]! : this.fail();
  }

  u16(): number {
    if (this.left < 2) return this.fail();
    this.at += 2;
    return (this.bytes[this.at - 2]! << 8) | this.bytes[this.at - 1]!;
  }

  /** Steps over `n` bytes and tells where they begin. */
  skip(n: number): number {
    if (n > this.left) return this.fail();
    this.at += n;
    return this.at - n;
  }

  /** A vector with a length in front, as a reader of its own. */
  vector(lengthBytes: 1 | 2): Reader {
    const length = lengthBytes === 1 ? this.u8() : this.u16();
    const from = this.skip(length);
    return this.bad ? new Reader(this.bytes, 0, 0) : new Reader(this.bytes, from, from + length);
  }

  /** The rest as two-byte numbers. */
  numbers(): number[] {
    const found: number[] = [];
    if (this.left % 2 !== 0) this.fail();
    while (this.left >= 2) found.push(this.u16());
    return found;
  }

  text(): string {
    let s = '';
    while (this.at < this.end) s += String.fromCharCode(this.bytes[this.at++]!);
    return s;
  }

  fail(): 0 {
    this.bad = true;
    this.at = this.end;
    return 0;
  }
}

interface Fields {
  serverName: string;
  protocols: string[];
  versions: number[];
  cipherSuites: number[];
  signatureSchemes: number[];
  groups: number[];
  keyShares: number[];
  ticket: Uint8Array | null;
  statusRequest: boolean;
  earlyData: boolean;
}

function readHello(r: Reader): ClientHello | null {
  const version = r.u16();
  r.skip(32); // random
  if (r.vector(1).left > 32) return null; // session id
  const cipherSuites = r.vector(2).numbers();
  const compression = r.vector(1);
  if (r.bad || cipherSuites.length === 0 || compression.left === 0) return null;
  const fields: Fields = {
    serverName: '',
    protocols: [],
    versions: [],
    cipherSuites,
    signatureSchemes: [],
    groups: [],
    keyShares: [],
    ticket: null,
    statusRequest: false,
    earlyData: false,
  };
  if (r.left > 0 && !readExtensions(r.vector(2), fields)) return null;
  if (r.left > 0) return null;
  if (fields.versions.length === 0) fields.versions = [version];
  return fields;
}

function readExtensions(list: Reader, fields: Fields): boolean {
  const seen = new Set<number>();
  while (list.left > 0) {
    const type = list.u16();
    const body = list.vector(2);
    if (list.bad || seen.has(type)) return false; // section 4.2: not more than one of a type
    seen.add(type);
    const read = EXTENSIONS.get(type);
    if (read === undefined) continue;
    if (!read(body, fields) || body.bad || body.left > 0) return false;
    if (type === PRE_SHARED_KEY && list.left > 0) return false; // section 4.2.11: it is the last one
  }
  return true;
}

const PRE_SHARED_KEY = 41;
const HOST_NAME = 0;

type ReadExtension = (body: Reader, fields: Fields) => boolean;

const EXTENSIONS = new Map<number, ReadExtension>([
  [0, readServerName],
  [
    5,
    (body, fields) => {
      fields.statusRequest = body.u8() === 1;
      body.skip(body.left);
      return true;
    },
  ],
  [10, (body, fields) => filled((fields.groups = body.vector(2).numbers()))],
  [13, (body, fields) => filled((fields.signatureSchemes = body.vector(2).numbers()))],
  [16, readProtocols],
  [35, readSessionTicket],
  [PRE_SHARED_KEY, readPreSharedKey],
  [
    42,
    (_body, fields) => {
      fields.earlyData = true;
      return true;
    },
  ],
  [43, (body, fields) => filled((fields.versions = body.vector(1).numbers()))],
  [51, readKeyShares],
]);

const filled = (list: readonly unknown[]): boolean => list.length > 0;

/** RFC 6066 section 3: one name of each type; host names are ASCII. Other types of name are stepped over. */
function readServerName(body: Reader, fields: Fields): boolean {
  const list = body.vector(2);
  if (list.left === 0) return false;
  while (list.left > 0) {
    const type = list.u8();
    const name = list.vector(2).text().toLowerCase();
    if (list.bad) return false;
    if (type !== HOST_NAME) continue;
    if (fields.serverName !== '' || !/^[a-z0-9_*-][a-z0-9_.*:-]{0,254}$/.test(name)) return false;
    fields.serverName = name.endsWith('.') ? name.slice(0, -1) : name;
  }
  return true;
}

function readProtocols(body: Reader, fields: Fields): boolean {
  const list = body.vector(2);
  while (list.left > 0) {
    const name = list.vector(1).text();
    if (list.bad || name === '') return false;
    fields.protocols.push(name);
  }
  return filled(fields.protocols);
}

function readSessionTicket(body: Reader, fields: Fields): boolean {
  // Empty: the client takes tickets and has none. An identity of TLS 1.3 comes later and goes before it.
  const from = body.at;
  if (body.left > 0) fields.ticket = body.bytes.subarray(from, body.end);
  body.skip(body.left);
  return true;
}

function readPreSharedKey(body: Reader, fields: Fields): boolean {
  const identities = body.vector(2);
  if (identities.left === 0) return false;
  for (let first = true; identities.left > 0; first = false) {
    const identity = identities.vector(2);
    identities.skip(4); // obfuscated age
    if (identities.bad || identity.left === 0) return false;
    if (first) fields.ticket = identity.bytes.subarray(identity.at, identity.end);
  }
  return body.vector(2).left > 0; // binders
}

function readKeyShares(body: Reader, fields: Fields): boolean {
  const shares = body.vector(2);
  while (shares.left > 0) {
    fields.keyShares.push(shares.u16());
    if (shares.vector(2).left === 0) return false;
  }
  return true;
}
