import { createHash } from 'node:crypto';
import type { Certificate, PeerValidation, TlsProfile } from '@spillway/snapshot';
import type { Pointer } from './ffi.js';
import { forC } from './libssl.js';
import { choiceCallback, stapleCallback, stapleFor, forgetStaple } from './callbacks.js';
import { markingCallback } from './session-mark.js';
import type { Wire } from './wire.js';

// Commands of SSL_CTX_ctrl and SSL_ctrl, and flags, as OpenSSL's headers number them.
const SET_MODE = 33;
const SET_READ_AHEAD = 41;
const SET_SESS_CACHE_MODE = 44;
const SET_TICKET_KEYS = 59;
const SET_STATUS_CALLBACK = 63;
const ADD1_CHAIN_CERT = 89;
const SET_GROUPS_LIST = 92;
const SET_SIGALGS_LIST = 98;
const SET_MIN_PROTO = 123;
const SET_MAX_PROTO = 124;

/** SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, _NO_AUTO_CHAIN, _RELEASE_BUFFERS: idle connections hold no record buffers. */
const MODE = 0x2 | 0x8 | 0x10;
/**
 * Tickets of TLS 1.3 after a full handshake. Each costs 5 % of the handshake to make, most clients keep one, and a
 * resumed handshake brings the next.
 */
const TICKETS = 1;
const OP_NO_TICKET = 1 << 14;
const OP_NO_COMPRESSION = 1 << 17;
const OP_SERVER_PREFERENCE = 1 << 22;
const OP_NO_RENEGOTIATION = 1 << 30;
const OP_NO = { TLSv1: 1 << 26, 'TLSv1.1': 1 << 28, 'TLSv1.2': 1 << 27, 'TLSv1.3': 1 << 29 } as const;
const PROTOCOL = { TLSv1: 0x301, 'TLSv1.1': 0x302, 'TLSv1.2': 0x303, 'TLSv1.3': 0x304 } as const;

const VERIFY_PEER = 1;
const VERIFY_FAIL_IF_NONE = 2;
const FLAG_CRL_CHECK = 0x4;
const FLAG_CRL_CHECK_ALL = 0x8;
const FLAG_PARTIAL_CHAIN = 0x80000;

/** The library refused a part of a TLS configuration. */
export class TlsConfigError extends Error {
  readonly code = 'TLS_CONFIG_INVALID';
  constructor(part: string, says: string) {
    super(`${part}: ${says}`);
    this.name = 'TlsConfigError';
  }
}

/** A context of the library: what all connections of one kind have in common. */
export class TlsContext {
  readonly ctx: Pointer;
  private stapled: Pointer[] = [];

  /** @throws {TlsConfigError} naming what the library does not take */
  constructor(
    readonly wire: Wire,
    readonly role: 'client' | 'server',
    readonly profile: TlsProfile,
  ) {
    const { lib } = wire;
    this.ctx = lib.SSL_CTX_new(role === 'server' ? lib.TLS_server_method() : lib.TLS_client_method());
    if (!this.ctx) throw new TlsConfigError('context', wire.failure());
    try {
      this.set(profile);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Connections that use it live on. */
  dispose(): void {
    for (const x509 of this.stapled) forgetStaple(x509);
    this.stapled = [];
    this.wire.lib.SSL_CTX_free(this.ctx);
  }

  private set(p: TlsProfile): void {
    const { lib } = this.wire;
    const { ctx } = this;
    lib.SSL_CTX_ctrl(ctx, SET_MODE, MODE, 0);
    lib.SSL_CTX_ctrl(ctx, SET_READ_AHEAD, 1, 0);
    lib.SSL_CTX_ctrl(ctx, SET_SESS_CACHE_MODE, 0, 0);
    const bounds = p.versions.map((v) => PROTOCOL[v]);
    this.must('versions', lib.SSL_CTX_ctrl(ctx, SET_MIN_PROTO, Math.min(...bounds), 0));
    this.must('versions', lib.SSL_CTX_ctrl(ctx, SET_MAX_PROTO, Math.max(...bounds), 0));
    let options = OP_NO_COMPRESSION | OP_NO_RENEGOTIATION;
    if (!p.prefer_client_cipher_ordering) options |= OP_SERVER_PREFERENCE;
    for (const v of ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const)
      if (!p.versions.includes(v)) options |= OP_NO[v];
    if (!p.session_reuse) options |= OP_NO_TICKET;
    lib.SSL_CTX_set_num_tickets(ctx, p.session_reuse ? TICKETS : 0);
    lib.SSL_CTX_set_options(ctx, options);
    if (p.session_timeout > 0) lib.SSL_CTX_set_timeout(ctx, p.session_timeout);
    // TLS 1.0 and 1.1 sign with SHA-1, which the library allows on its lowest level only.
    const level = p.versions.some((v) => v === 'TLSv1' || v === 'TLSv1.1') ? ':@SECLEVEL=0' : '';
    if (p.ciphers !== '')
      this.text('ciphers', p.ciphers + level, (at) => lib.SSL_CTX_set_cipher_list(ctx, at));
    if (p.ciphersuites !== '')
      this.text('ciphersuites', p.ciphersuites, (at) => lib.SSL_CTX_set_ciphersuites(ctx, at));
    if (p.groups !== '') this.text('groups', p.groups, (at) => lib.SSL_CTX_ctrl(ctx, SET_GROUPS_LIST, 0, at));
    if (p.signature_algorithms !== '')
      this.text('signature algorithms', p.signature_algorithms, (at) =>
        lib.SSL_CTX_ctrl(ctx, SET_SIGALGS_LIST, 0, at),
      );
  }

  /** Adds a certificate with its chain and key; one of each key type can be there. */
  useCertificate(certificate: Certificate): void {
    const { lib } = this.wire;
    const chain = this.readAll(certificate.chain, `certificate ${certificate.name}`);
    const key = this.readPem(certificate.private_key, (bio) => lib.PEM_read_bio_PrivateKey(bio, 0, 0, 0));
    const what = `certificate ${certificate.name}`;
    try {
      if (!key) throw new TlsConfigError(what, `its private key cannot be read (${this.wire.failure()})`);
      this.must(what, lib.SSL_CTX_use_certificate(this.ctx, chain[0]!));
      this.must(what, lib.SSL_CTX_use_PrivateKey(this.ctx, key));
      this.must(what, lib.SSL_CTX_check_private_key(this.ctx));
      for (const x509 of chain.slice(1))
        this.must(what, lib.SSL_CTX_ctrl(this.ctx, ADD1_CHAIN_CERT, 1, x509));
      if (certificate.ocsp_response !== undefined) this.staple(chain[0]!, certificate.ocsp_response);
    } finally {
      for (const x509 of chain) lib.X509_free(x509);
      if (key) lib.EVP_PKEY_free(key);
    }
  }

  /** The certificate lives as long as the context, so that its address is its name in the meantime. */
  private staple(x509: Pointer, response: string): void {
    stapleFor(x509, Buffer.from(response, 'base64'));
    this.stapled.push(x509);
    this.wire.lib.SSL_CTX_callback_ctrl(this.ctx, SET_STATUS_CALLBACK, stapleCallback(this.wire));
  }

  /** Lets clients choose an application protocol; which one is said per connection (`offer`). */
  chooseProtocols(): void {
    this.wire.lib.SSL_CTX_set_alpn_select_cb(this.ctx, choiceCallback(this.wire), 0);
  }

  /** Tickets carry what tells their sessions apart (`sessionMark`). */
  markSessions(): void {
    this.wire.lib.SSL_CTX_set_session_ticket_cb(this.ctx, markingCallback(this.wire), 0, 0);
  }

  /** Offers application protocols to servers, the preferred one first. */
  offerProtocols(protocols: readonly string[]): void {
    const list = Buffer.concat(
      protocols.map((p) => Buffer.from(`${String.fromCharCode(p.length)}${p}`, 'latin1')),
    );
    this.wire.lib.SSL_CTX_set_alpn_protos(this.ctx, this.wire.library.foreign.addressOf(list), list.length);
  }

  /** Validates the peer's certificate. */
  validate(by: PeerValidation, mode: 'request' | 'require'): void {
    const { lib } = this.wire;
    const store = lib.SSL_CTX_get_cert_store(this.ctx);
    const names = this.role === 'server' ? lib.OPENSSL_sk_new_null() : 0;
    for (const [i, pem] of by.trusted.entries())
      for (const x509 of this.readAll(pem, `trusted certificate ${i + 1}`)) {
        lib.X509_STORE_add_cert(store, x509);
        if (names) lib.OPENSSL_sk_push(names, lib.X509_NAME_dup(lib.X509_get_subject_name(x509)));
        lib.X509_free(x509);
      }
    if (names) lib.SSL_CTX_set0_CA_list(this.ctx, names);
    let flags = FLAG_PARTIAL_CHAIN;
    if (by.crls.length > 0) flags |= by.leaf_crl_only ? FLAG_CRL_CHECK : FLAG_CRL_CHECK | FLAG_CRL_CHECK_ALL;
    for (const [i, pem] of by.crls.entries()) {
      const crl = this.readPem(pem, (bio) => lib.PEM_read_bio_X509_CRL(bio, 0, 0, 0));
      if (!crl) throw new TlsConfigError(`revocation list ${i + 1}`, this.wire.failure());
      lib.X509_STORE_add_crl(store, crl);
      lib.X509_CRL_free(crl);
    }
    lib.X509_STORE_set_flags(store, flags);
    const required = this.role === 'client' || mode === 'require';
    lib.SSL_CTX_set_verify(this.ctx, required ? VERIFY_PEER | VERIFY_FAIL_IF_NONE : VERIFY_PEER, 0);
    lib.ERR_clear_error();
  }

  /** Sessions of one name are never resumed under another: a change of who may connect must not be got around. */
  separateSessions(name: string): void {
    const id = createHash('sha256').update(name).digest();
    const at = this.wire.library.foreign.addressOf(id);
    this.must('session context', this.wire.lib.SSL_CTX_set_session_id_context(this.ctx, at, id.length));
  }

  /** Tickets are sealed and opened with this key from now on. */
  useTicketKey(key: Uint8Array): void {
    const at = this.wire.library.foreign.addressOf(key);
    this.must('ticket key', this.wire.lib.SSL_CTX_ctrl(this.ctx, SET_TICKET_KEYS, key.length, at));
  }

  private must(part: string, answer: number): void {
    if (answer === 1) return;
    throw new TlsConfigError(part, this.wire.failure());
  }

  private text(part: string, text: string, set: (at: Pointer) => number): void {
    const bytes = forC(text);
    const answer = set(this.wire.library.foreign.addressOf(bytes));
    if (answer !== 1) throw new TlsConfigError(`${part} ${text}`, this.wire.failure());
  }

  /** Every certificate of a PEM text. */
  private readAll(pem: string, what: string): Pointer[] {
    const { lib } = this.wire;
    const found: Pointer[] = [];
    for (const [block] of pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)) {
      const x509 = this.readPem(`${block}\n`, (bio) => lib.PEM_read_bio_X509(bio, 0, 0, 0));
      if (x509) found.push(x509);
      else {
        for (const x of found) lib.X509_free(x);
        throw new TlsConfigError(what, this.wire.failure());
      }
    }
    if (found.length === 0) throw new TlsConfigError(what, 'there is no PEM certificate in it');
    return found;
  }

  private readPem(pem: string, read: (bio: Pointer) => Pointer): Pointer {
    const { lib, library } = this.wire;
    const bytes = Buffer.from(pem, 'latin1');
    const bio = lib.BIO_new_mem_buf(library.foreign.addressOf(bytes), bytes.length);
    const found = read(bio);
    lib.BIO_free(bio);
    bytes.fill(0);
    return found || 0;
  }
}
