/**
 * HTTP/1.1 conformance as data: what a client sends, what an origin answers, and the exact bytes that each of them
 * must then have received through a proxy. Nothing here knows the proxy but its address.
 */

/** What the client does; a step begins when the one before it is done. Strings are sent, one byte per character. */
export type Step =
  | string
  /** Sends the text one byte at a time, each in a segment of its own. */
  | { readonly bytewise: string }
  /** Waits until the client has received this text. */
  | { readonly awaits: string }
  /** Waits until the origin has received this text. */
  | { readonly reaches: string }
  /** Ends its direction, or resets the connection. */
  | { readonly does: 'end' | 'reset' };

/** What the origin does with the n-th request that it receives, counted over its connections. */
export interface Answer {
  /** Sent as soon as the connection is there, before any request. */
  readonly onAccept?: string;
  /** Sent when the head is complete. */
  readonly onHead?: string;
  /** Sent when the request is complete. */
  readonly onRequest?: string;
  /** Sent each time that this text has come on the connection, whatever is going on there. */
  readonly onText?: readonly [text: string, answer: string];
  /** Sends `onRequest` one byte at a time. */
  readonly bytewise?: boolean;
  /** What follows on the connection: its end, or a reset. Default: nothing. */
  readonly after?: 'end' | 'reset';
}

/** How the connection of the client fares after the bytes that it must get. */
export type Fate =
  /** It stays usable: another request on it gets its own response, and nothing comes in between. */
  | 'kept'
  /** It ends in order. */
  | 'ended'
  /** It is reset, so that nobody takes what came for the whole. */
  | 'reset';

/** A response of the proxy's own; it closes unless `kept`. */
export interface Own {
  readonly status: number;
  /** Words of the reason in its body. */
  readonly says: string;
  readonly kept?: boolean;
  /** Exact bytes of forwarded responses in front of it. */
  readonly after?: string;
  /** It answers HEAD and so has no body. */
  readonly bodiless?: boolean;
  /** Whole field lines that it must have. */
  readonly fields?: readonly string[];
}

/** Settings of the virtual service that a case needs. */
export const SETTINGS = {
  /** Nothing is added to requests, nothing times out within a test. */
  plain: {
    xff_enabled: false,
    keepalive_timeout: 30_000,
    client_header_timeout: 30_000,
    client_body_timeout: 30_000,
    server_response_timeout: 30_000,
    max_header_size: 16_384,
    max_header_count: 100,
    max_body_size: 0,
    server_idle_timeout: 30_000,
  },
  /** Small limits, short times. */
  tight: {
    xff_enabled: false,
    keepalive_timeout: 400,
    client_header_timeout: 400,
    client_body_timeout: 400,
    server_response_timeout: 400,
    max_header_size: 1024,
    max_header_count: 16,
    max_body_size: 100,
    server_idle_timeout: 30_000,
  },
  /** As `plain`, and the origin is told the client's address. */
  forwarded: {
    xff_enabled: true,
    xff_update: 'append',
    keepalive_timeout: 30_000,
    client_header_timeout: 30_000,
    client_body_timeout: 30_000,
    server_response_timeout: 30_000,
    max_header_size: 16_384,
    max_header_count: 100,
    max_body_size: 0,
    server_idle_timeout: 30_000,
  },
  /** As `plain`, with what an application profile can limit beside sizes of whole messages. */
  narrow: {
    xff_enabled: false,
    keepalive_timeout: 30_000,
    client_header_timeout: 30_000,
    client_body_timeout: 30_000,
    server_response_timeout: 30_000,
    max_header_size: 16_384,
    max_header_count: 100,
    max_field_size: 300,
    max_body_size: 0,
    max_response_header_size: 512,
    max_response_header_count: 8,
    max_keepalive_requests: 3,
    server_idle_timeout: 30_000,
  },
} as const;

export type SettingsName = keyof typeof SETTINGS;

export interface Case {
  /** RFC and section that the case is written from, or the ADR where HTTP leaves a choice. */
  readonly clause: string;
  readonly name: string;
  readonly settings?: SettingsName;
  readonly client: Step | readonly Step[];
  /** One per request, the last one for all further requests; default: `200` with two bytes. A string is `onRequest`. */
  readonly origin?: string | Answer | readonly (string | Answer)[];
  /** Bytes of each connection to the origin, in the order in which they were opened; the origin may see no other. */
  readonly atOrigin: readonly string[];
  /** Exact bytes that the client gets, or a response of the proxy's own. */
  readonly atClient: string | Own;
  /** Of the client's connection; default `kept`. Not for a response of the proxy's own. */
  readonly fate?: Fate;
  /** Each connection of `atOrigin` must have been reset by the proxy (an aborted request). */
  readonly abortsOrigin?: boolean;
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
export const OK_CLOSE = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok';

type More = Partial<Omit<Case, 'clause' | 'name' | 'client' | 'atOrigin'>>;

/** A request that the proxy refuses: one response of its own, then the end; the origin sees nothing. */
export const refused = (
  clause: string,
  name: string,
  client: Case['client'],
  status: number,
  says: string,
  more: More & { atOrigin?: readonly string[] } = {},
): Case => ({ clause, name, client, atOrigin: [], atClient: { status, says }, ...more });

/** A request that goes through, in exactly these bytes; its connection stays usable. */
export const passes = (
  clause: string,
  name: string,
  client: Case['client'],
  atOrigin: string,
  more: More = {},
): Case => ({ clause, name, client, atOrigin: [atOrigin], atClient: OK, ...more });

/** The request of cases that are about the response. */
export const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A response that goes through as `atClient`. */
export const responds = (
  clause: string,
  name: string,
  origin: Exclude<Case['origin'], undefined>,
  atClient: string,
  more: More & { client?: Case['client']; atOrigin?: readonly string[] } = {},
): Case => ({ clause, name, client: GET, origin, atOrigin: [GET], atClient, ...more });

/** A request that may not be sent twice, so that a broken response is seen once at the origin. */
export const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx';

/** A response that cannot be passed on: 502, and the client's connection stays usable. */
export const badGateway = (
  clause: string,
  name: string,
  origin: Exclude<Case['origin'], undefined>,
  more: More = {},
): Case => ({
  clause,
  name,
  client: POST,
  origin,
  atOrigin: [POST],
  atClient: { status: 502, says: 'malformed', kept: true },
  ...more,
});
