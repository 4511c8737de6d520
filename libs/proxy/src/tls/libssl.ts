import { foreignHere, type Foreign, type ForeignFunction, type Pointer, type Signature } from './ffi.js';

/** What is used of libssl; the API of OpenSSL 3. */
const SSL = {
  TLS_server_method: ['pointer'],
  TLS_client_method: ['pointer'],
  SSL_CTX_new: ['pointer', 'pointer'],
  SSL_CTX_free: ['void', 'pointer'],
  SSL_CTX_ctrl: ['long', 'pointer', 'int', 'long', 'pointer'],
  SSL_CTX_set_options: ['long', 'pointer', 'long'],
  SSL_CTX_set_num_tickets: ['int', 'pointer', 'long'],
  SSL_CTX_set_timeout: ['long', 'pointer', 'long'],
  SSL_CTX_set_cipher_list: ['int', 'pointer', 'pointer'],
  SSL_CTX_set_ciphersuites: ['int', 'pointer', 'pointer'],
  SSL_CTX_set_session_id_context: ['int', 'pointer', 'pointer', 'int'],
  SSL_CTX_set_quiet_shutdown: ['void', 'pointer', 'int'],
  SSL_CTX_use_certificate: ['int', 'pointer', 'pointer'],
  SSL_CTX_use_PrivateKey: ['int', 'pointer', 'pointer'],
  SSL_CTX_check_private_key: ['int', 'pointer'],
  SSL_CTX_set_verify: ['void', 'pointer', 'int', 'pointer'],
  SSL_CTX_set_verify_depth: ['void', 'pointer', 'int'],
  SSL_CTX_set0_CA_list: ['void', 'pointer', 'pointer'],
  SSL_CTX_get_cert_store: ['pointer', 'pointer'],
  SSL_CTX_set_alpn_select_cb: ['void', 'pointer', 'pointer', 'pointer'],
  SSL_CTX_set_alpn_protos: ['int', 'pointer', 'pointer', 'int'],
  SSL_CTX_callback_ctrl: ['long', 'pointer', 'int', 'pointer'],
  SSL_CTX_set_session_ticket_cb: ['int', 'pointer', 'pointer', 'pointer', 'pointer'],
  SSL_new: ['pointer', 'pointer'],
  SSL_free: ['void', 'pointer'],
  SSL_ctrl: ['long', 'pointer', 'int', 'long', 'pointer'],
  SSL_set_bio: ['void', 'pointer', 'pointer', 'pointer'],
  SSL_set_accept_state: ['void', 'pointer'],
  SSL_set_connect_state: ['void', 'pointer'],
  SSL_do_handshake: ['int', 'pointer'],
  SSL_read: ['int', 'pointer', 'pointer', 'int'],
  SSL_write: ['int', 'pointer', 'pointer', 'int'],
  SSL_shutdown: ['int', 'pointer'],
  SSL_set_shutdown: ['void', 'pointer', 'int'],
  SSL_get_error: ['int', 'pointer', 'int'],
  SSL_has_pending: ['int', 'pointer'],
  SSL_is_init_finished: ['int', 'pointer'],
  SSL_session_reused: ['int', 'pointer'],
  SSL_get_version: ['pointer', 'pointer'],
  SSL_get_current_cipher: ['pointer', 'pointer'],
  SSL_CIPHER_get_name: ['pointer', 'pointer'],
  SSL_get0_alpn_selected: ['void', 'pointer', 'pointer', 'pointer'],
  SSL_get_certificate: ['pointer', 'pointer'],
  SSL_get1_peer_certificate: ['pointer', 'pointer'],
  SSL_get_verify_result: ['long', 'pointer'],
  SSL_get0_verified_chain: ['pointer', 'pointer'],
  SSL_get0_param: ['pointer', 'pointer'],
  SSL_get1_session: ['pointer', 'pointer'],
  SSL_get_session: ['pointer', 'pointer'],
  SSL_set_session: ['int', 'pointer', 'pointer'],
  SSL_SESSION_free: ['void', 'pointer'],
  SSL_SESSION_get0_ticket_appdata: ['int', 'pointer', 'pointer', 'pointer'],
  SSL_SESSION_set1_ticket_appdata: ['int', 'pointer', 'pointer', 'long'],
  SSL_SESSION_is_resumable: ['int', 'pointer'],
} as const satisfies Record<string, Signature>;

/** What is used of libcrypto. */
const CRYPTO = {
  OpenSSL_version: ['pointer', 'int'],
  OPENSSL_sk_new_null: ['pointer'],
  OPENSSL_sk_push: ['int', 'pointer', 'pointer'],
  OPENSSL_sk_num: ['int', 'pointer'],
  OPENSSL_sk_value: ['pointer', 'pointer', 'int'],
  CRYPTO_malloc: ['pointer', 'long', 'pointer', 'int'],
  CRYPTO_free: ['void', 'pointer', 'pointer', 'int'],
  ERR_peek_last_error: ['long'],
  ERR_peek_error: ['long'],
  ERR_error_string_n: ['void', 'long', 'pointer', 'long'],
  ERR_clear_error: ['void'],
  BIO_new_bio_pair: ['int', 'pointer', 'long', 'pointer', 'long'],
  BIO_new_mem_buf: ['pointer', 'pointer', 'int'],
  BIO_up_ref: ['int', 'pointer'],
  BIO_free: ['int', 'pointer'],
  BIO_read: ['int', 'pointer', 'pointer', 'int'],
  BIO_nread: ['int', 'pointer', 'pointer', 'int'],
  BIO_nwrite0: ['int', 'pointer', 'pointer'],
  BIO_nwrite: ['int', 'pointer', 'pointer', 'int'],
  BIO_ctrl_pending: ['long', 'pointer'],
  PEM_read_bio_X509: ['pointer', 'pointer', 'pointer', 'pointer', 'pointer'],
  PEM_read_bio_X509_CRL: ['pointer', 'pointer', 'pointer', 'pointer', 'pointer'],
  PEM_read_bio_PrivateKey: ['pointer', 'pointer', 'pointer', 'pointer', 'pointer'],
  X509_free: ['void', 'pointer'],
  X509_CRL_free: ['void', 'pointer'],
  EVP_PKEY_free: ['void', 'pointer'],
  X509_get_subject_name: ['pointer', 'pointer'],
  X509_NAME_dup: ['pointer', 'pointer'],
  X509_STORE_add_cert: ['int', 'pointer', 'pointer'],
  X509_STORE_add_crl: ['int', 'pointer', 'pointer'],
  X509_STORE_set_flags: ['int', 'pointer', 'long'],
  X509_VERIFY_PARAM_set1_host: ['int', 'pointer', 'pointer', 'long'],
  X509_VERIFY_PARAM_add1_host: ['int', 'pointer', 'pointer', 'long'],
  X509_verify_cert_error_string: ['pointer', 'long'],
  i2d_X509: ['int', 'pointer', 'pointer'],
} as const satisfies Record<string, Signature>;

export type LibSsl = Record<keyof typeof SSL | keyof typeof CRYPTO, ForeignFunction>;

/** A TLS library that can be used. */
export interface Library {
  readonly foreign: Foreign;
  readonly lib: LibSsl;
  /** As it calls itself, and where it comes from: `OpenSSL 3.0.22 25 Aug 2026 (libssl.so.3)`. */
  readonly name: string;
}

/** Why there is none, with what to do about it. */
export class NoTlsLibraryError extends Error {
  readonly code = 'TLS_LIBRARY_MISSING';
  constructor(tried: readonly string[]) {
    super(
      `no TLS library can be used (${tried.join('; ')}): install OpenSSL 3 (Debian: apt-get install libssl3) ` +
        'or name the directory of its libssl.so.3 and libcrypto.so.3 in SPILLWAY_OPENSSL_DIR',
    );
    this.name = 'NoTlsLibraryError';
  }
}

/** Where a library may be: a pair of files, or the process itself (Node has OpenSSL inside). */
interface Place {
  readonly says: string;
  readonly ssl: string | null;
  readonly crypto: string | null;
}

function placesHere(directory: string | undefined): Place[] {
  // A second OpenSSL beside the one inside Node would get that one's functions, as both have the same names.
  if (!('Bun' in globalThis)) return [{ says: 'inside Node', ssl: null, crypto: null }];
  if (directory !== undefined && directory !== '')
    return [{ says: directory, ssl: `${directory}/libssl.so.3`, crypto: `${directory}/libcrypto.so.3` }];
  return [{ says: 'libssl.so.3', ssl: 'libssl.so.3', crypto: 'libcrypto.so.3' }];
}

let found: Library | NoTlsLibraryError | undefined;

/**
 * The TLS library of this process, looked for once: in `directory` where the first who asks names one.
 * @throws {NoTlsLibraryError}
 */
export function tlsLibrary(directory?: string): Library {
  found ??= look(directory);
  if (found instanceof NoTlsLibraryError) throw found;
  return found;
}

/**
 * Which library serves TLS in this process, or why none does: for logs. To be asked before anything is configured
 * when a directory is to be looked in.
 */
export function tlsLibraryHere(directory?: string): { missing: boolean; says: string } {
  try {
    return { missing: false, says: tlsLibrary(directory).name };
  } catch (error) {
    return { missing: true, says: error instanceof Error ? error.message : String(error) };
  }
}

/** Opens the first library that has everything that is used. */
export function look(directory?: string): Library | NoTlsLibraryError {
  const foreign = foreignHere();
  if (foreign === null) return new NoTlsLibraryError(['this runtime calls no foreign functions']);
  const tried: string[] = [];
  for (const place of placesHere(directory)) {
    try {
      // libcrypto goes first, so that libssl finds the one beside it.
      const crypto = foreign.open(place.crypto, CRYPTO);
      const lib: LibSsl = { ...crypto, ...foreign.open(place.ssl, SSL) };
      const version = cString(foreign, lib.OpenSSL_version(0));
      if (!/^OpenSSL 3\.|^OpenSSL [4-9]/.test(version)) {
        tried.push(`${place.says}: ${version} is not OpenSSL 3`);
        continue;
      }
      return { foreign, lib, name: `${version} (${place.says})` };
    } catch (error) {
      tried.push(`${place.says}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return new NoTlsLibraryError(tried);
}

/** A text of C. */
export function cString(foreign: Foreign, at: Pointer, most = 256): string {
  if (!at) return '';
  let text = '';
  // Byte by byte: a longer view might reach into memory that is not mapped.
  for (let i = 0; i < most; i++) {
    const byte = foreign.view(at + i, 1)[0]!;
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** A text for C; keep the buffer referred to during the call. */
export const forC = (text: string): Buffer => Buffer.from(`${text}\0`, 'latin1');
