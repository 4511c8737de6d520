import type { Pointer } from './ffi.js';
import type { Wire } from './wire.js';

/**
 * What the library asks back in the middle of a handshake. It asks inside the one call that runs a step of it, so
 * the answers for that connection are simply laid out before (`answerWith`).
 */

const OK = 0;
const ALERT_FATAL = 2;
const NOACK = 3;
const SET_STATUS_RESPONSE = 71;

/** A protocol as it stands in the extension: its length, then its name. */
interface WireName {
  readonly at: Pointer;
  readonly length: number;
}

const names = new Map<string, WireName>();
let chosen: string | null = null;

/** The protocol for the connection whose step comes next; null when none of the client's can be had. */
export function answerWith(protocol: string | null): void {
  chosen = protocol;
}

/** Memory that holds a name for ever; there are two of them. */
function nameFor(wire: Wire, protocol: string): WireName {
  let name = names.get(protocol);
  if (name === undefined) {
    const at = wire.lib.CRYPTO_malloc(protocol.length, 0, 0);
    wire.library.foreign.view(at, protocol.length).write(protocol, 'latin1');
    name = { at, length: protocol.length };
    names.set(protocol, name);
  }
  return name;
}

let choice: Pointer = 0;

/** SSL_CTX_set_alpn_select_cb (RFC 7301 section 3.2: no protocol in common ends the handshake). */
export function choiceCallback(wire: Wire): Pointer {
  if (choice !== 0) return choice;
  const { foreign } = wire.library;
  choice = foreign.callback(
    ['int', 'pointer', 'pointer', 'pointer', 'pointer', 'int', 'pointer'],
    (_ssl, out, outLength) => {
      if (chosen === null) return ALERT_FATAL;
      const name = nameFor(wire, chosen);
      foreign.view(out, 8).writeBigUInt64LE(BigInt(name.at));
      foreign.view(outLength, 1)[0] = name.length;
      return OK;
    },
  );
  return choice;
}

/** OCSP responses by the address of their certificate; contexts of one certificate count together. */
const staples = new Map<Pointer, Buffer>();

export const stapleFor = (x509: Pointer, response: Buffer): void => void staples.set(x509, response);
export const forgetStaple = (x509: Pointer): void => void staples.delete(x509);

let staple: Pointer = 0;

/** SSL_CTX_set_tlsext_status_cb: asked when the certificate is chosen and the client wants its OCSP response. */
export function stapleCallback(wire: Wire): Pointer {
  if (staple !== 0) return staple;
  const { lib, library } = wire;
  staple = library.foreign.callback(['int', 'pointer', 'pointer'], (ssl) => {
    const response = staples.get(lib.SSL_get_certificate(ssl));
    if (response === undefined) return NOACK;
    const at = lib.CRYPTO_malloc(response.length, 0, 0);
    if (!at) return NOACK;
    library.foreign.view(at, response.length).set(response);
    // The connection owns the copy from here on.
    lib.SSL_ctrl(ssl, SET_STATUS_RESPONSE, response.length, at);
    return OK;
  });
  return staple;
}
