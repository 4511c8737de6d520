import { latin1 } from '../bytes.js';
import type { ClientConnection } from '../core/connection.js';
import { editor } from '../http1/edit.js';
import type { Head } from '../http1/head.js';
import { HEAD_ROOM } from '../transport/seam.js';
import type { HeadEdits } from './edits.js';
import type { Exchange } from './exchange.js';

/**
 * The request may be answered with 101. Not for `h2c`: what follows would be HTTP/2 requests that nobody here has
 * looked at.
 */
export const offersUpgrade = (head: Head, b: Uint8Array): boolean =>
  head.connectionUpgrade && head.upgradeField >= 0 && head.minor === 1 && !head.upgradeIs(b, 'h2c');

const CONNECTION_UPGRADE = latin1('Connection: Upgrade\r\n');

/** Most bytes that are put in beside what rules ask for: client's address, Connection, Host. */
const OWN_ROOM = 256;

/** Where `forwardRequest` has left the request. */
export const forwarded: { b: Uint8Array; start: number; bodyAt: number; end: number } = {
  b: new Uint8Array(0),
  start: 0,
  bodyAt: 0,
  end: 0,
};

/**
 * Makes the head that the server gets out of a scanned one, in place: our version, no hop-by-hop fields, a Host,
 * the client's address, and what rules want. `forwarded` says where it lies then: elsewhere if it has outgrown the
 * room in front of it.
 */
export function forwardRequest(
  x: Exchange,
  head: Head,
  bytes: Uint8Array,
  bodyAt: number,
  end: number,
  edits: HeadEdits,
): void {
  let b = bytes;
  let moved = 0;
  const more = edits.bytes + (edits.target?.length ?? 0);
  if (more > HEAD_ROOM - OWN_ROOM) {
    b = Buffer.allocUnsafeSlow(more + OWN_ROOM + end - head.start + 1);
    moved = more + OWN_ROOM - head.start;
    b.set(bytes.subarray(head.start, end), more + OWN_ROOM);
    head.shift(moved);
  }
  const { ends } = x.connection;
  if (x.upgrade) head.keep(head.upgradeField);
  b[head.minorAt] = 49; // a proxy speaks its own version (RFC 9110 section 6.2)
  editor.begin(b, head);
  if (edits.target !== null) editor.setTarget(edits.target);
  if (x.profile.xff_enabled) {
    if (head.forwardedField >= 0 && head.dropped[head.forwardedField] === 0)
      editor.appendTo(head.forwardedField, latin1(`, ${ends.remoteAddress}`));
    else editor.insertLine(addressLine(x.connection));
  }
  if (x.upgrade) editor.insertLine(CONNECTION_UPGRADE);
  if (head.hostField < 0)
    editor.insertLine(latin1(`Host: ${authority(ends.localAddress, ends.localPort)}\r\n`));
  if (edits.bytes > 0) for (const line of edits.lines) editor.insertLine(line);
  forwarded.b = b;
  forwarded.start = editor.end();
  forwarded.bodyAt = bodyAt + moved;
  forwarded.end = end + moved;
}

/** Made once per connection. */
const addressLine = (connection: ClientConnection): Uint8Array =>
  (connection.forwardedLine ??= latin1(`X-Forwarded-For: ${connection.ends.remoteAddress}\r\n`));

const authority = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
