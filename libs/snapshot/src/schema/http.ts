import { z } from 'zod';
import { Compression } from './compression.js';
import { ErrorPage } from './error-page.js';
import { Http2Profile } from './http2.js';
import { fieldName, milliseconds, port } from './primitives.js';

/** Where the address of the client behind other proxies is read: `index`th of the list, from that end. */
export const TrueClientIp = z.strictObject({
  header: fieldName,
  from: z.enum(['left', 'right']),
  /** 1 is the outermost. A longer index than the list takes the list's last in that direction. */
  index: z.int().min(1).max(1000),
});
export type TrueClientIp = z.infer<typeof TrueClientIp>;

/** What a request header can tell the server of the client, its certificate and its connection. */
export const CLIENT_FACTS = [
  'client_ip',
  'source_ip',
  'vs_port',
  'vs_ip',
  'fingerprint',
  'serial',
  'issuer',
  'subject',
  'raw',
  'escaped',
  'protocol',
  'server_name',
  'cipher',
  'request_id',
  'certificate_version',
  'signature_algorithm',
  'not_before',
  'not_after',
] as const;

/**
 * An HTTP application profile: limits, time-outs and what is done to every message. Times in milliseconds, sizes in
 * bytes. What is absent is off, or as its line says.
 */
export const HttpProfile = z.strictObject({
  /** Tell the server the client's address in `xff_header`. */
  xff_enabled: z.boolean(),
  /** Absent: X-Forwarded-For. */
  xff_header: fieldName.optional(),
  /**
   * What becomes of such headers that the client sent: dropped, put in front of the address in one header, or left
   * beside the new one. Absent: replace.
   */
  xff_update: z.enum(['replace', 'append', 'add']).optional(),
  /** X-Forwarded-Proto says how the client connected, in place of what it sent itself. */
  x_forwarded_proto: z.boolean().optional(),
  /** The client's address for logs and policies; absent: that of its connection. */
  true_client_ip: TrueClientIp.optional(),
  /** Header with an id of the request, made here unless `keep` and the client sent one that is fit to be one. */
  request_id: z.strictObject({ header: fieldName, keep: z.boolean() }).optional(),
  client_certificate_headers: z
    .array(z.strictObject({ header: fieldName, value: z.enum(CLIENT_FACTS) }))
    .max(64)
    .optional(),

  /** Requests without TLS are answered with a redirect to this port. */
  https_redirect: z.strictObject({ port }).optional(),
  /** To a client on TLS a server's redirect to its own host by http becomes one by https. */
  https_locations: z.boolean().optional(),
  /** Strict-Transport-Security to clients on TLS; `max_age` in seconds. */
  hsts: z
    .strictObject({ max_age: z.int().min(0).max(864_000_000), include_subdomains: z.boolean() })
    .optional(),
  /** Cookies of servers get `Secure` (for clients on TLS). */
  secure_cookies: z.boolean().optional(),
  /** Cookies of servers get `HttpOnly`. */
  http_only_cookies: z.boolean().optional(),
  /** X-Accel headers of servers go on to clients. */
  pass_x_accel: z.boolean().optional(),
  compression: Compression.optional(),
  /** Responses of the engine's own, by status; the first that matches is taken. */
  error_pages: z.array(ErrorPage).max(64).optional(),

  /** From the connection, or the end of its TLS handshake, to the first byte of a request. Absent: that of a head. */
  post_accept_timeout: milliseconds.optional(),
  client_header_timeout: milliseconds,
  /** Between two reads of a body; 0 waits for ever. */
  client_body_timeout: milliseconds,
  keepalive_timeout: milliseconds,
  /** Requests on one connection; 0 or absent: no limit. */
  max_keepalive_requests: z.int().min(0).max(1_000_000).optional(),
  /** Tell clients the time that a kept connection has: ours, or what the server says where it says one. */
  keepalive_header: z.enum(['own', 'server']).optional(),
  /** Longest wait for a server's response head; 0 waits for ever. */
  server_response_timeout: milliseconds,
  max_header_size: z.int().min(256).max(1_048_576),
  /** One header line of a request; absent: as long as all may be. */
  max_field_size: z.int().min(256).max(1_048_576).optional(),
  max_header_count: z.int().min(1).max(4096),
  /** 0 is unlimited. */
  max_body_size: z.int().min(0),
  /** Absent: 262,144. */
  max_response_header_size: z.int().min(256).max(1_048_576).optional(),
  /** Absent: 1,024. */
  max_response_header_count: z.int().min(1).max(4096).optional(),

  /** Limits of HTTP/2 to clients; absent: the published defaults. */
  http2: Http2Profile.optional(),

  /** `100 (Continue)` is answered here and not asked of the server. */
  respond_with_100_continue: z.boolean().optional(),
  /** Absent: true. False takes Upgrade out of requests. */
  websockets_enabled: z.boolean().optional(),
  /** Absent: true. False gives each client connection a server connection of its own. */
  connection_multiplexing: z.boolean().optional(),
  /** A client that a server asks for NTLM gets a server connection of its own from then on. */
  detect_ntlm: z.boolean().optional(),
  /** When the client has a server connection of its own, a server that closes its connection closes the client's. */
  forward_close: z.boolean().optional(),
  /** A connection on which a server answered with 4xx or 5xx is not kept. */
  close_server_connection_on_error: z.boolean().optional(),
  /** Kept connections to servers are closed after this long without use. */
  server_idle_timeout: milliseconds,
});
export type HttpProfile = z.infer<typeof HttpProfile>;
