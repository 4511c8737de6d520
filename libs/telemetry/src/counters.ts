/**
 * What is counted, by name. An index is a place in the slot of a virtual service or of a server; every cell is a
 * Float64. Counters only rise; those marked as gauge go down too and die with their worker. Times are sums in
 * microseconds, to be divided by the count of the histogram (or counter) beside them.
 */

/** Counters of a virtual service. */
export const VS = {
  REQUESTS: 0,
  RESPONSES_1XX: 1,
  RESPONSES_2XX: 2,
  RESPONSES_3XX: 3,
  RESPONSES_4XX: 4,
  RESPONSES_5XX: 5,
  /** Responses that the engine made itself; they are in the classes too. */
  RESPONSES_OWN: 6,
  /** Between clients and the engine. */
  BYTES_IN: 7,
  BYTES_OUT: 8,
  /** Client connections that were taken. */
  CONNECTIONS: 9,
  /** Gauge. */
  CONNECTIONS_ACTIVE: 10,
  /** Gauge. */
  REQUESTS_ACTIVE: 11,
  /** Requests that ended without a complete response because the client went away. */
  CLIENT_ABORTS: 12,
  /** Responses cut short because the server went away. */
  TRUNCATED: 13,
  /** Handshakes of TLS with clients that were completed, and those of them that resumed a session. */
  TLS_HANDSHAKES: 14,
  TLS_RESUMED: 15,
  /** Sums over what the histograms of the same names count. */
  TOTAL_TIME: 16,
  APP_RESPONSE_TIME: 17,
  DATA_TRANSFER_TIME: 18,
  SERVER_CONNECT_TIME: 19,
  CLIENT_RTT: 20,
  SERVER_RTT: 21,
  /** Datagrams either way that had nowhere to go: no server, no room, too many flows. */
  DATAGRAMS_DROPPED: 22,
  /** Calls of SIP that were forgotten before their time, since a client or all of them had too many. */
  CALLS_EVICTED: 23,
  /** First of REFUSED_BY: connections that were reset, and never counted as taken. */
  REFUSED: 24,
  /** First of CLOSED_BY. */
  CLOSED: 32,
  /** First of OWN_BY. */
  OWN: 48,
} as const;
export const VS_COUNTERS = 96;
export const VS_GAUGES: readonly number[] = [VS.CONNECTIONS_ACTIVE, VS.REQUESTS_ACTIVE];

/** Why a connection was refused (at `VS.REFUSED + …`). */
export const REFUSED_BY = {
  /** `performance_limits.max_concurrent_connections`. */
  CONNECTION_LIMIT: 0,
  /** A rate limit of the virtual service or of the client. */
  RATE_LIMIT: 1,
  /** The byte budget of the worker is used up. */
  MEMORY: 2,
  /** The worker runs out of file descriptors. */
  DESCRIPTORS: 3,
  /** A security policy. */
  POLICY: 4,
} as const;
export const REFUSED_REASONS = 8;

/** What ended a client connection (at `VS.CLOSED + …`). */
export const CLOSED_BY = {
  /** The client ended it in order. */
  CLIENT: 0,
  /** The client reset it, or the network lost it. */
  CLIENT_RESET: 1,
  /** After a response that said so. */
  ENGINE: 2,
  /** No request within the keep-alive time, or no traffic within the idle time of an L4 connection. */
  IDLE: 3,
  /** A head, a body or a reader was too slow. */
  TIMEOUT: 4,
  /** What was left at the deadline of a drain. */
  DRAIN: 5,
  /** The server's side of a tunnel or of an L4 connection ended, or no server could be reached. */
  SERVER: 6,
  /** The byte budget of the worker was exceeded. */
  MEMORY: 7,
  /** A rate limit or a policy. */
  POLICY: 8,
  /** The handshake of TLS, or the PROXY protocol's header, was no good. */
  HANDSHAKE: 9,
  /** Nobody of its pool could serve it, and the fail action of the pool is to close. */
  NO_SERVER: 10,
} as const;
export const CLOSED_REASONS = 16;

/** Why the engine made a response itself (at `VS.OWN + …`). */
export const OWN_BY = {
  OTHER: 0,
  /** 400, 405, 411, 417, 501, 505: the request is not one that can be passed on. */
  BAD_REQUEST: 1,
  /** 408: the head or the body came too slowly. */
  CLIENT_TIMEOUT: 2,
  /** 413, 414, 431: over a limit of the application profile. */
  TOO_LARGE: 3,
  /** No server may be used: none is there, none is up, or all are disabled. */
  NO_SERVER: 4,
  /** Refused, or no route. */
  SERVER_UNREACHABLE: 5,
  SERVER_CONNECT_TIMEOUT: 6,
  /** Closed or reset without a response. */
  SERVER_CLOSED: 7,
  SERVER_MALFORMED: 8,
  SERVER_TIMEOUT: 9,
  /** A rate limit said so. */
  RATE_LIMIT: 10,
  /** A policy or the profile answered (redirects too). */
  POLICY: 11,
  /** The byte budget or the descriptors of the worker are used up. */
  OVERLOAD: 12,
  /** All servers have as many connections as they may have. */
  SERVERS_FULL: 13,
} as const;
export const OWN_REASONS = 24;

/** Counters of a server of a pool. */
export const SERVER = {
  /** Requests that were given to a connection to it, and L4 connections and flows that were begun; see UNSENT. */
  REQUESTS: 0,
  FAILURES: 1,
  /** Connections that were begun, and flows. Less CONNECTIONS_OPEN they are those that are over, however they went. */
  CONNECTIONS: 2,
  RETRIES: 3,
  RESPONSES_4XX: 4,
  RESPONSES_5XX: 5,
  BYTES_IN: 6,
  BYTES_OUT: 7,
  /** Gauge: connections that are open, the idle ones too. */
  CONNECTIONS_OPEN: 8,
  /** Responses that came whole. */
  RESPONSES: 9,
  /** Connections that were made, and the time that this took. */
  CONNECTED: 10,
  CONNECT_TIME: 11,
  RTT_SAMPLES: 12,
  RTT: 13,
  /** From the request sent to the first byte of its response: a sum over the histogram `SERVER_FIRST_BYTE`. */
  FIRST_BYTE_TIME: 14,
  /** The same less the server's round trip. */
  APP_RESPONSE_TIME: 15,
  DATA_TRANSFER_TIME: 16,
  /**
   * What became of requests, one each: the head of a response, or a failure that is the server's. Of L4 connections and
   * flows those that were made, and those that could not be.
   */
  OUTCOMES: 17,
  /** Of OUTCOMES those that are errors as the analytics profile of the virtual service has it. */
  ERRORS: 18,
  /** Of ERRORS those that are responses 4xx. */
  ERRORS_4XX: 19,
  /** First of FAILED_BY. */
  FAILED: 20,
  /**
   * Of REQUESTS those that never left, since no connection came to be: REQUESTS less these were sent to the server (pools
   * document, Requests).
   */
  UNSENT: 28,
} as const;
export const SERVER_COUNTERS = 32;
export const SERVER_GAUGES: readonly number[] = [SERVER.CONNECTIONS_OPEN];

/** How a server failed (at `SERVER.FAILED + …`). */
export const FAILED_BY = {
  REFUSED: 0,
  UNREACHABLE: 1,
  CONNECT_TIMEOUT: 2,
  /** It ended the connection without a whole response. */
  CLOSED: 3,
  RESET: 4,
  MALFORMED: 5,
  TIMEOUT: 6,
  /** The handshake of TLS. */
  HANDSHAKE: 7,
} as const;
export const FAILED_REASONS = 8;

/** Histograms of a virtual service. */
export const VS_HISTOGRAM = {
  /** From the head of a request to the last byte of its response. */
  TOTAL: 0,
  /** First byte of the response less the server's round trip. */
  APP_RESPONSE: 1,
  /** From the server's first byte to the last byte sent, plus half a round trip of the client. */
  DATA_TRANSFER: 2,
  SERVER_CONNECT: 3,
  CLIENT_RTT: 4,
  SERVER_RTT: 5,
} as const;
export type VsHistogram = (typeof VS_HISTOGRAM)[keyof typeof VS_HISTOGRAM];
export const VS_HISTOGRAMS = 6;
