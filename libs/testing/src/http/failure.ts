/**
 * Why a request has no complete, right response. Each failed request has exactly one reason.
 *
 * - `connect_refused`, `connect_timeout`, `connect_reset`, `unreachable`: no connection came about
 * - `reset_before_response`, `closed_before_response`: RST or FIN after the request, before the first byte of a response
 * - `truncated`: the response began and did not end (FIN or RST in its middle)
 * - `timeout`: the connection stands, the response did not come (or end) in time
 * - `stalled`: a long-lived stream brought nothing for longer than its limit
 * - `malformed`: what came is not HTTP/1.1 by a strict reading (RFC 9112)
 * - `bad_status`, `wrong_body`: a complete response, but not the expected one
 * - `local`: this client's own host failed (no free port, too many files); not the server's fault, yet counted
 */
export type FailureReason =
  | 'connect_refused'
  | 'connect_timeout'
  | 'connect_reset'
  | 'unreachable'
  | 'reset_before_response'
  | 'closed_before_response'
  | 'truncated'
  | 'timeout'
  | 'stalled'
  | 'malformed'
  | 'bad_status'
  | 'wrong_body'
  | 'local';

/** A request that failed, and how. */
export class RequestFailure extends Error {
  constructor(
    readonly reason: FailureReason,
    detail: string,
    readonly status?: number,
  ) {
    super(detail);
    this.name = 'RequestFailure';
  }
}

/** The client itself gave the request up (its run was stopped): neither answered nor failed. */
export class RequestAborted extends Error {
  constructor() {
    super('given up by the client');
    this.name = 'RequestAborted';
  }
}

const CONNECT_REASON: Record<string, FailureReason> = {
  ECONNREFUSED: 'connect_refused',
  ETIMEDOUT: 'connect_timeout',
  ECONNRESET: 'connect_reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'local',
  EMFILE: 'local',
  ENOBUFS: 'local',
};

/** The reason for an error that came before a connection stood. */
export function connectFailure(error: NodeJS.ErrnoException): RequestFailure {
  return new RequestFailure(CONNECT_REASON[error.code ?? ''] ?? 'local', error.message);
}
