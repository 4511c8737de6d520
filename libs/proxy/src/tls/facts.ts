import type { ClientCertificate, TlsFacts } from '../core/connection.js';
import type { Pointer } from './ffi.js';
import { cString } from './libssl.js';
import { sessionMark } from './session-mark.js';
import type { Wire } from './wire.js';

const VERIFY_OK = 0;

/** Texts of the library by their address: names of versions and suites, of which there are few and which stay. */
const texts = new Map<Pointer, string>();

function textAt(wire: Wire, at: Pointer): string {
  let text = texts.get(at);
  if (text === undefined) texts.set(at, (text = cString(wire.library.foreign, at)));
  return text;
}

/** What a finished handshake has established. */
export function factsOf(wire: Wire, ssl: Pointer, serverName: string, marked: boolean): TlsFacts {
  const { lib } = wire;
  return {
    version: textAt(wire, lib.SSL_get_version(ssl)),
    cipher: textAt(wire, lib.SSL_CIPHER_get_name(lib.SSL_get_current_cipher(ssl))),
    serverName,
    protocol: wire.chosenProtocol(ssl),
    resumed: lib.SSL_session_reused(ssl) === 1,
    session: marked ? sessionMark(wire, ssl) : '',
    clientCertificate: peerCertificate(wire, ssl),
  };
}

function peerCertificate(wire: Wire, ssl: Pointer): ClientCertificate | null {
  const { lib } = wire;
  const x509 = lib.SSL_get1_peer_certificate(ssl);
  if (!x509) return null;
  const der = wire.der(x509);
  lib.X509_free(x509);
  return { verified: lib.SSL_get_verify_result(ssl) === VERIFY_OK, der };
}
