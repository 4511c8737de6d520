import type { Head } from '../http1/head.js';
import type { Exchange } from './exchange.js';
import { responseMessage } from './message.js';

/**
 * NTLM, and Negotiate that may turn out to be NTLM, authenticate a connection and not a request (RFC 4559): when a
 * server asks for it, the client's connection gets server connections of its own, which serve nobody else.
 */
export function bindForNtlm(x: Exchange, head: Head, b: Uint8Array): void {
  const message = responseMessage.of(b, head);
  for (let k = message.find(AUTHENTICATE); k >= 0; k = message.find(AUTHENTICATE, k + 1))
    if (/(^|,)\s*(ntlm|negotiate)\b/i.test(message.value(k))) {
      x.binds = true;
      x.connection.bindsServers = true;
    }
}

const AUTHENTICATE = 'www-authenticate';
