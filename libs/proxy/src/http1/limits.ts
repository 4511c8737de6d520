/** A request that may have to be sent again is kept up to this size; a longer one goes out on a new connection. */
export const MOST_REPLAY = 64 * 1024;
/** Size of the buffer for it that an idle connection keeps. */
export const SMALL_REPLAY = 2048;
/** Connections that are tried for one request. */
export const MOST_ATTEMPTS = 3;
/**
 * A request that is not idempotent is sent again only when its kept connection turned out to be dead within this
 * time (milliseconds): a server that had given the connection up answers with a reset in one round trip, one that
 * has begun to work on the request takes longer to die.
 */
export const STALE_WITHIN = 100;
/** After the last response: so long the client's own end is waited for, before the connection is reset. */
export const LINGER_MS = 2000;
/** A client that has ended its direction keeps its request so long without a response; most have gone for good. */
export const HALF_CLOSE_MS = 5000;
/** A client that takes nothing of a waiting response for so long is reset. */
export const STALLED_MS = 60_000;
/** TCP keep-alive probes on connections that may be silent for long, milliseconds. */
export const KEEP_ALIVE_PROBES_MS = 60_000;
