/** After the last response: so long the client's own end is waited for, before the connection is reset. */
export const LINGER_MS = 2000;
/** A client that has ended its direction keeps its request so long without a response; most have gone for good. */
export const HALF_CLOSE_MS = 5000;
/** A client that takes nothing of a waiting response for so long is reset. */
export const STALLED_MS = 60_000;
/** TCP keep-alive probes on connections that may be silent for long, milliseconds. */
export const KEEP_ALIVE_PROBES_MS = 60_000;
