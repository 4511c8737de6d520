import type { HttpProfile } from '@spillway/snapshot';
import { latin1 } from '../bytes.js';
import type { ClientConnection } from '../core/connection.js';
import { editor } from '../http1/edit.js';
import type { Head } from '../http1/head.js';
import { HEAD_ROOM } from '../transport/seam.js';
import type { HeadEdits } from './edits.js';
import type { Exchange } from './exchange.js';
import { requestMessage } from './message.js';

const CONNECTION_UPGRADE = latin1('Connection: Upgrade\r\n');

/** Most bytes that are put in beside what rules ask for: client's address, Connection, Host. */
const OWN_ROOM = 320;

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
  const more = edits.bytes + edits.reserved + (edits.target?.length ?? 0);
  if (more > HEAD_ROOM - OWN_ROOM) {
    b = Buffer.allocUnsafeSlow(more + OWN_ROOM + end - head.start + 1);
    moved = more + OWN_ROOM - head.start;
    b.set(bytes.subarray(head.start, end), more + OWN_ROOM);
    head.shift(moved);
  }
  const { ends } = x.connection;
  const { profile } = x;
  const appendTo = profile.xff_enabled ? earlierAddresses(profile, head, b) : -1;
  if (x.upgrade) head.keep(head.upgradeField);
  // It is what we mean too, and what leaves as it came costs nothing.
  else if (!head.connectionUpgrade) head.keep(head.keepAliveField);
  b[head.minorAt] = 49; // a proxy speaks its own version (RFC 9110 section 6.2)
  editor.begin(b, head);
  if (edits.target !== null) editor.setTarget(edits.target);
  if (appendTo >= 0) editor.appendTo(appendTo, latin1(`, ${ends.remoteAddress}`));
  else if (profile.xff_enabled) editor.insertLine(addressLine(x.connection, profile.xff_header ?? XFF));
  if (x.upgrade) editor.insertLine(CONNECTION_UPGRADE);
  if (head.hostField < 0)
    editor.insertLine(latin1(`Host: ${authority(ends.localAddress, ends.localPort)}\r\n`));
  if (edits.bytes > 0) for (const line of edits.lines) editor.insertLine(line);
  forwarded.b = b;
  forwarded.start = editor.end();
  forwarded.bodyAt = bodyAt + moved;
  forwarded.end = end + moved;
}

const XFF = 'X-Forwarded-For';

/**
 * Does to the addresses that the client sent what the profile says.
 * @returns the field to which this client's is to be appended; -1 for a line of its own
 */
function earlierAddresses(profile: HttpProfile, head: Head, b: Uint8Array): number {
  const { xff_header: header, xff_update: update } = profile;
  if (header === undefined && head.forwardedField < 0) return -1;
  if (update === 'add') return -1;
  const message = requestMessage.of(b, head);
  const name = header === undefined ? 'x-forwarded-for' : header.toLowerCase();
  let last = -1;
  for (let k = message.find(name); k >= 0; k = message.find(name, k + 1)) {
    if (update !== 'append') head.drop(k);
    else if (head.dropped[k] === 0) last = k;
  }
  return last;
}

/** Made once per connection and name. */
function addressLine(connection: ClientConnection, name: string): Uint8Array {
  if (connection.forwardedLine === null || connection.forwardedName !== name) {
    connection.forwardedName = name;
    connection.forwardedLine = latin1(`${name}: ${connection.ends.remoteAddress}\r\n`);
  }
  return connection.forwardedLine;
}

const authority = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
