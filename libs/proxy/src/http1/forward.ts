import { latin1 } from '../bytes.js';
import type { Socket } from '../transport/seam.js';
import { editor } from './edit.js';
import type { Head } from './head.js';
import { CONNECTION_UPGRADE } from './reply.js';

/**
 * The request may be answered with 101. Not for `h2c`: what follows would be HTTP/2 requests that nobody here has
 * looked at.
 */
export const offersUpgrade = (head: Head, b: Uint8Array): boolean =>
  head.connectionUpgrade && head.upgradeField >= 0 && head.minor === 1 && !head.upgradeIs(b, 'h2c');

/**
 * Makes the head that the server gets out of a scanned one, in place: our version, no hop-by-hop fields, a Host,
 * and the client's address.
 * @param forwarded the `X-Forwarded-For` line for this client; null adds nothing
 * @returns where the head starts now
 */
export function forwardRequest(
  head: Head,
  b: Uint8Array,
  client: Socket,
  upgrade: boolean,
  forwarded: Uint8Array | null,
): number {
  if (upgrade) head.keep(head.upgradeField);
  b[head.minorAt] = 49; // a proxy speaks its own version (RFC 9110 section 6.2)
  editor.begin(b, head);
  if (forwarded !== null) {
    if (head.forwardedField >= 0) editor.appendTo(head.forwardedField, latin1(`, ${client.remoteAddress}`));
    else editor.insertLine(forwarded);
  }
  if (upgrade) editor.insertLine(CONNECTION_UPGRADE);
  if (head.hostField < 0)
    editor.insertLine(latin1(`Host: ${authority(client.localAddress, client.localPort)}\r\n`));
  return editor.end();
}

const authority = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
