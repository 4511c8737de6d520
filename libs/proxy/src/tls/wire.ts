import { copyInto, copyOf } from '../bytes.js';
import { HEAD_ROOM, MOST_DATA } from '../transport/seam.js';
import { LARGE, type Pointer } from './ffi.js';
import { tlsLibrary, type Library, type LibSsl } from './libssl.js';

/** Most plaintext given to the library at once: what it makes of it should still be in the cache when it is sent. */
const CHUNK = 64 * 1024;
/** Room for a chunk as records, and for what the library says beside it. */
const OUT = CHUNK + 64 * 1024;
/** The library may hold the start of a record from before. */
const PLAIN = MOST_DATA + 64 * 1024;

/**
 * The memory through which ciphertext gets in and out of the library: one pair of connected BIOs for all connections
 * of the process, so that a connection holds none. That is safe because every step leaves both directions empty: what
 * came in is read to its end, and what goes out is written to its socket, before anybody else's turn.
 */
export class Wire {
  readonly lib: LibSsl;
  /** The end that all connections of the library read and write. */
  private readonly near: Pointer;
  private readonly far: Pointer;
  /** What the library has written begins at 0 here. */
  readonly out: Buffer;
  private readonly in: Buffer;
  /** Decrypted bytes, from HEAD_ROOM on. */
  readonly plain = Buffer.alloc(HEAD_ROOM + PLAIN + 64);
  private readonly plainAt: Pointer;
  private readonly copied = Buffer.alloc(CHUNK);
  private readonly copiedAt: Pointer;
  private readonly box = new Uint8Array(LARGE);
  private readonly boxAt: Pointer;
  /** Memory of callers that was written from last, large enough never to move. */
  private last: Uint8Array | null = null;
  private lastAt: Pointer = 0;

  constructor(readonly library: Library) {
    const { lib, foreign } = library;
    this.lib = lib;
    this.plainAt = foreign.addressOf(this.plain) + HEAD_ROOM;
    this.copiedAt = foreign.addressOf(this.copied);
    this.boxAt = foreign.addressOf(this.box);
    if (lib.BIO_new_bio_pair(this.boxAt, OUT, this.boxAt + 8, MOST_DATA) !== 1)
      throw new Error('no memory for TLS');
    const words = new DataView(this.box.buffer);
    const word = (): Pointer => Number(words.getBigUint64(0, true));
    this.near = word();
    this.far = Number(words.getBigUint64(8, true));
    lib.BIO_nwrite0(this.near, this.boxAt);
    this.out = foreign.view(word(), OUT);
    lib.BIO_nwrite0(this.far, this.boxAt);
    this.in = foreign.view(word(), MOST_DATA);
  }

  /** Gives a connection of the library its two directions. */
  attach(ssl: Pointer): void {
    this.lib.BIO_up_ref(this.near);
    this.lib.SSL_set_bio(ssl, this.near, this.near);
  }

  /** Puts received ciphertext where the library reads it; at most MOST_DATA, and nothing may be there. */
  feed(data: Uint8Array, start: number, end: number): void {
    copyInto(this.in, 0, data, start, end);
    this.lib.BIO_nwrite(this.far, this.boxAt, end - start);
  }

  /** Something of what was fed is still to be read. */
  more(ssl: Pointer): boolean {
    return this.lib.SSL_has_pending(ssl) !== 0 || this.lib.BIO_ctrl_pending(this.near) > 0;
  }

  /** Bytes at the start of `out` that are to be sent; they count as sent with this call. */
  taken(): number {
    const n = this.lib.BIO_nread(this.far, this.boxAt, OUT);
    return n > 0 ? n : 0;
  }

  /** Drops what a failed connection has left unread. */
  dropReceived(): void {
    while (this.lib.BIO_read(this.near, this.boxAt, LARGE) > 0);
    this.lib.ERR_clear_error();
  }

  /** Decrypts into `plain` from `filled` bytes on; as SSL_read. */
  read(ssl: Pointer, filled: number): number {
    return this.lib.SSL_read(ssl, this.plainAt + filled, PLAIN - filled);
  }

  /** Encrypts as much as goes at once: how much of `data[start..end)` that was, or what SSL_write said. */
  write(ssl: Pointer, data: Uint8Array, start: number, end: number): number {
    const length = end - start > CHUNK ? CHUNK : end - start;
    return this.lib.SSL_write(ssl, this.addressOf(data, start, length), length);
  }

  private addressOf(data: Uint8Array, start: number, length: number): Pointer {
    if (data === this.last) return this.lastAt + start;
    if (data.byteLength >= LARGE) {
      this.last = data;
      this.lastAt = this.library.foreign.addressOf(data);
      return this.lastAt + start;
    }
    copyInto(this.copied, 0, data, start, start + length);
    return this.copiedAt;
  }

  /** The application protocol that both sides have agreed on; empty without one. */
  chosenProtocol(ssl: Pointer): string {
    const words = new DataView(this.box.buffer);
    this.lib.SSL_get0_alpn_selected(ssl, this.boxAt, this.boxAt + 8);
    const length = words.getUint32(8, true);
    if (length === 0) return '';
    return this.library.foreign.view(Number(words.getBigUint64(0, true)), length).toString('latin1');
  }

  /** A certificate in DER. */
  der(x509: Pointer): Uint8Array {
    const length = this.lib.i2d_X509(x509, 0);
    const bytes = new Uint8Array(Math.max(length, LARGE));
    const words = new DataView(this.box.buffer);
    words.setBigUint64(0, BigInt(this.library.foreign.addressOf(bytes)), true);
    this.lib.i2d_X509(x509, this.boxAt);
    return copyOf(bytes, 0, Math.max(0, length));
  }

  /** What the library says of its last failure, and forgets. */
  failure(): string {
    const code = this.lib.ERR_peek_error();
    if (!code) return 'the peer has closed the connection';
    this.lib.ERR_error_string_n(code, this.boxAt + 64, 256);
    this.lib.ERR_clear_error();
    const end = this.box.indexOf(0, 64);
    return Buffer.from(this.box.subarray(64, end))
      .toString('latin1')
      .replace(/^error:[0-9A-F]*:[^:]*:[^:]*:/, '');
  }
}

let wire: Wire | undefined;

/**
 * The wire of this process.
 * @throws {NoTlsLibraryError}
 */
export function wireHere(): Wire {
  wire ??= new Wire(tlsLibrary());
  return wire;
}
