import { z } from 'zod';
import { name, uuid } from './primitives.js';

/** Seconds; the published ranges are in minutes. */
const seconds = z.int().min(1).max(864_000);
const fieldName = z.string().min(1).max(128);

/** A key that seals cookies, as the profile holds it. Secret. */
export const CookieKeyText = z.strictObject({
  name: z.string().max(256),
  aes_key: z.string().min(1).max(1024),
  hmac_key: z.string().max(1024).optional(),
});

/** The SE inserts a cookie that names the server, sealed. */
const HttpCookie = z.strictObject({
  type: z.literal('http_cookie'),
  cookie_name: fieldName,
  /** Cookies are made with the first one and taken of all. */
  keys: z.array(CookieKeyText).min(1).max(8),
  /** How long a cookie is taken after it was made; absent: for ever. */
  timeout: seconds.optional(),
  http_only: z.boolean(),
  /** The browser keeps it when it ends. */
  persistent: z.boolean(),
  /** Each response carries it, so that its time runs from the last one. */
  always_send: z.boolean(),
});

/** The server's own cookie, header or parameter of that name is learned. */
const AppCookie = z.strictObject({
  type: z.literal('app_cookie'),
  name: fieldName,
  timeout: seconds,
});

const ClientIp = z.strictObject({
  type: z.literal('client_ip'),
  /** Leading bits of the address that count; absent: all. */
  mask: z.int().min(0).max(128).optional(),
  timeout: seconds,
});

/** The client's TLS session. */
const Tls = z.strictObject({ type: z.literal('tls'), timeout: seconds });

/** A header of the client names the server, by its `prst_hdr_val`. */
const CustomHeader = z.strictObject({ type: z.literal('header'), name: fieldName });

/** By what clients are led back to their server. Holds secrets: never to be logged. */
export const PersistenceProfile = z.strictObject({
  uuid,
  name,
  /** What becomes of a client whose server is down: another one, an error, or the same one all the same. */
  when_down: z.enum(['pick_new', 'abort', 'continue']),
  by: z.discriminatedUnion('type', [HttpCookie, AppCookie, ClientIp, Tls, CustomHeader]),
});
export type PersistenceProfile = z.infer<typeof PersistenceProfile>;
export type PersistenceBy = PersistenceProfile['by'];
