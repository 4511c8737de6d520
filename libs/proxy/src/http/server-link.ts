import { FAILED_BY } from '@spillway/telemetry';
import type { ServerLink } from '../core/connection.js';
import type { PlaneContext } from '../core/context.js';
import type { ServerRuntime } from '../core/server.js';
import type { Exchange } from './exchange.js';

/**
 * The server's side of an exchange: a connection of HTTP/1, or a stream of HTTP/2. What it learns it tells the
 * exchange: `linkReady`, `serverTakes`, `interim`, `switchProtocols`, `prepareResponse`, `responseHead`, `send`,
 * `trailers`, `responseDone`, `linkFailed`, and for tunnels `serverEnded`, `tunnelClosed`.
 */
export interface HttpServerLink extends ServerLink {
  /** The request can be written; until then nothing may be, and `Exchange.linkReady` tells. */
  readonly ready: boolean;
  /** It had served a request before this one, so that it may have died since. */
  readonly reused: boolean;
  /** Bytes of a response have come. */
  readonly answering: boolean;
  /** The server has said that it has not looked at the request, so that any may be sent again. */
  readonly unprocessed?: boolean;
  /**
   * Sends the head `b[start..bodyAt)`, HTTP/1.1 text as the server shall get it, and the part of the body that
   * is there, in its HTTP/1 framing. False: wait for `serverTakes` before sending more.
   */
  begin(b: Uint8Array, start: number, bodyAt: number, end: number): boolean;
  /** Sends more of the body. False: as above. */
  more(b: Uint8Array, start: number, end: number): boolean;
  /** The client has taken what was queued for it. */
  clientTakes(): void;
  tunnel(b: Uint8Array, start: number, end: number): boolean;
  clientEnded(): void;
  /** The client is no longer there; `inOrder` when both sides of a tunnel had ended. */
  clientGone(inOrder: boolean): void;
}

/** The port that requests of `x` go to: that of the virtual service where servers have none of their own. */
export const portOf = (server: ServerRuntime, x: Exchange): number =>
  server.port === 0 ? x.connection.socket.localPort : server.port;

/** A way to speak to servers. */
export interface ServerProtocol {
  /**
   * A link to the server for this exchange, counted as one of its requests.
   * @param mayReuse it may be one that has served before
   */
  take(context: PlaneContext, server: ServerRuntime, x: Exchange, mayReuse: boolean): HttpServerLink;
  /** `take` would give a link on a connection that is there. */
  hasRoom(server: ServerRuntime, x: Exchange, mayReuse: boolean): boolean;
  /** The link that the client of `x` has kept to a server of `x.pool` (binding.ts); null without one. */
  bound?(x: Exchange): HttpServerLink | null;
}

/** Why a link could not serve its request. */
export interface Failure {
  /** What the client gets when nobody else can serve it. */
  readonly status: number;
  readonly reason: string;
  /** The server was never reached. */
  readonly unreached: boolean;
  /** Whether another connection may be tried at all. */
  readonly repeatable: boolean;
  /** How it is counted, one of FAILED_BY. */
  readonly kind: number;
}

export const FAILED = {
  refused: {
    status: 502,
    reason: 'the server refused the connection',
    unreached: true,
    repeatable: true,
    kind: FAILED_BY.REFUSED,
  },
  unreachable: {
    status: 502,
    reason: 'the server cannot be reached',
    unreached: true,
    repeatable: true,
    kind: FAILED_BY.UNREACHABLE,
  },
  tls: {
    status: 502,
    reason: 'TLS with the server failed',
    unreached: true,
    repeatable: true,
    kind: FAILED_BY.HANDSHAKE,
  },
  connectTimeout: {
    status: 504,
    reason: 'the connection to the server took too long',
    unreached: true,
    repeatable: true,
    kind: FAILED_BY.CONNECT_TIMEOUT,
  },
  closed: {
    status: 502,
    reason: 'the server closed the connection without a response',
    unreached: false,
    repeatable: true,
    kind: FAILED_BY.CLOSED,
  },
  reset: {
    status: 502,
    reason: 'the server reset the connection',
    unreached: false,
    repeatable: true,
    kind: FAILED_BY.RESET,
  },
  malformed: {
    status: 502,
    reason: 'the response of the server is malformed',
    unreached: false,
    repeatable: true,
    kind: FAILED_BY.MALFORMED,
  },
  timeout: {
    status: 504,
    reason: 'the server took too long to respond',
    unreached: false,
    repeatable: false,
    kind: FAILED_BY.TIMEOUT,
  },
  gone: {
    status: 503,
    reason: 'the server was taken out of service',
    unreached: false,
    repeatable: true,
    kind: FAILED_BY.CLOSED,
  },
} satisfies Record<string, Failure>;

/** How the body of a response ends (RFC 9112 section 6.3). */
export const enum Framing {
  None,
  Length,
  Chunked,
  /** With the connection. */
  UntilEnd,
}
