import { randomFillSync } from 'node:crypto';
import type { Pointer } from './ffi.js';
import type { Wire } from './wire.js';

/** Bytes of a mark; so many random ones never meet again. */
const MARK_BYTES = 16;

/** Memory of the library's for what it gives and takes; for ever. */
interface Scratch {
  readonly at: Pointer;
  readonly view: Buffer;
}

let scratch: Scratch | null = null;

function scratchOf(wire: Wire): Scratch {
  if (scratch !== null) return scratch;
  const at = wire.lib.CRYPTO_malloc(64, 0, 0);
  return (scratch = { at, view: wire.library.foreign.view(at, 64) });
}

/**
 * What tells the TLS session of a connection from others; empty while it has none. It lies inside the sealed ticket that
 * the client keeps, and goes over into each ticket of a session that was resumed: with TLS 1.2 as with 1.3, where each
 * connection brings another ticket, and on every SE that can open the ticket.
 */
export function sessionMark(wire: Wire, ssl: Pointer): string {
  const { lib, library } = wire;
  const { at, view } = scratchOf(wire);
  const session = lib.SSL_get_session(ssl);
  if (!session || lib.SSL_SESSION_get0_ticket_appdata(session, at, at + 8) !== 1) return '';
  const data = Number(view.readBigUInt64LE(0));
  const length = Number(view.readBigUInt64LE(8));
  return data !== 0 && length === MARK_BYTES ? library.foreign.view(data, length).toString('latin1') : '';
}

let marking: Pointer = 0;

/** SSL_CTX_set_session_ticket_cb: a ticket is about to be sealed. A session that has no mark yet gets one. */
export function markingCallback(wire: Wire): Pointer {
  if (marking !== 0) return marking;
  const { lib, library } = wire;
  marking = library.foreign.callback(['int', 'pointer', 'pointer'], (ssl) => {
    if (sessionMark(wire, ssl) !== '') return 1;
    const { at, view } = scratchOf(wire);
    randomFillSync(view, 16, MARK_BYTES);
    lib.SSL_SESSION_set1_ticket_appdata(lib.SSL_get_session(ssl), at + 16, MARK_BYTES);
    return 1;
  });
  return marking;
}
