/** A request that may have to be sent again is kept up to this size; a longer one goes out on a new connection. */
export const MOST_REPLAY = 64 * 1024;
/** Connections that are tried for one request. */
export const MOST_ATTEMPTS = 3;
/**
 * A request that is not idempotent is sent again only when its kept connection turned out to be dead within this
 * time (milliseconds): a server that had given the connection up answers with a reset in one round trip, one that
 * has begun to work on the request takes longer to die.
 */
export const STALE_WITHIN = 100;
/** A response that nobody gets is read up to this size, for so long (milliseconds), so that its connection is kept. */
export const MOST_DRAINED = 64 * 1024;
export const MOST_DRAINING_MS = 1000;
