/**
 * Bounds that no profile changes. They are far beyond what clients do that mean well, and each is the answer to an
 * attack.
 */

/** Frames of one header block (CONTINUATION flood, CVE-2024-27316). */
export const MOST_CONTINUATIONS = 64;
/** Bytes of a header block on the wire beyond what its fields may have as text: code can be longer than text. */
export const BLOCK_SLACK = 4096;
/** Pairs of one SETTINGS frame. */
export const MOST_SETTINGS = 64;
/** Streams that may end by a reset in a row (rapid reset, CVE-2023-44487, and resets of ours that a peer provokes). */
export const RESET_BURST = 200;
/** … and so many more each second. */
export const RESETS_PER_SECOND = 50;
/** With so many bytes on their way to a socket that does not take them nothing more is read from it. */
export const MOST_WAITING = 256 * 1024;
/** Control frames that a peer may send for each frame of use: DATA either way, or a response. */
export const CONTROL_PER_USE = 4;
/** Ids of streams that we have reset and whose frames may still be on their way. */
export const RESET_MEMORY = 64;
/** Records of streams kept by a connection for its next ones. */
export const MOST_SPARE_STREAMS = 32;
/** Connection window that we grant beside what streams need. */
export const CONNECTION_WINDOW = 1024 * 1024;
/** Between the two GOAWAYs of a graceful end, when the client does not answer the PING in between. */
export const GRACE_MS = 1000;
