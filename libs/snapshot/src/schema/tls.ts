import { z } from 'zod';
import { name, uuid } from './primitives.js';

/** What an SSL profile asks for; OpenSSL's spelling of suites, groups and schemes. */
export const TlsProfile = z.strictObject({
  versions: z.array(z.enum(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'])).min(1),
  /** Suites up to TLS 1.2. */
  ciphers: z.string().max(8192),
  /** Suites of TLS 1.3. */
  ciphersuites: z.string().max(1024),
  /** Key-exchange groups; empty: the library's choice. */
  groups: z.string().max(1024),
  signature_algorithms: z.string().max(1024),
  prefer_client_cipher_ordering: z.boolean(),
  send_close_notify: z.boolean(),
  session_reuse: z.boolean(),
  /** Seconds that a session can be resumed. */
  session_timeout: z.int().min(0).max(604_800),
});
export type TlsProfile = z.infer<typeof TlsProfile>;

/** A certificate with its key. Holds a secret: never to be logged, and on disk readable by its owner only. */
export const Certificate = z.strictObject({
  uuid,
  name,
  /** DNS names it is good for, in lower case; `*.` in front stands for one label. */
  names: z.array(z.string().min(1).max(256)).max(1000),
  key_type: z.enum(['ec', 'rsa', 'other']),
  /** PEM: its own certificate first, then what leads to a root. */
  chain: z.string().max(262_144),
  /** PEM, not encrypted. */
  private_key: z.string().max(65_536),
  /** The response of its OCSP responder to be stapled, DER in base64. */
  ocsp_response: z.string().max(32_768).optional(),
});
export type Certificate = z.infer<typeof Certificate>;

/** By what a peer's certificate is validated. */
export const PeerValidation = z.strictObject({
  /** PEM certificates that are trusted. */
  trusted: z.array(z.string().max(65_536)).max(256),
  /** PEM revocation lists; with at least one of them every certificate of the chain is looked up. */
  crls: z.array(z.string().max(4_194_304)).max(64),
  /** Only the peer's own certificate is looked up in the lists. */
  leaf_crl_only: z.boolean(),
});
export type PeerValidation = z.infer<typeof PeerValidation>;

/** TLS to the clients of a virtual service. */
export const ServerTls = z.strictObject({
  profile: TlsProfile,
  /** The first one serves clients that ask for no name, or for one that no certificate has. */
  certificate_uuids: z.array(uuid).min(1).max(1000),
  /** Application protocols that can be chosen (ALPN), the preferred one first. */
  protocols: z.array(z.string().min(1).max(255)).max(16),
  /** HTTP where TLS is spoken is reset; else it gets a 400 that says so. */
  reset_plain_http: z.boolean().optional(),
  client_certificate: z
    .strictObject({ mode: z.enum(['request', 'require']), validation: PeerValidation })
    .optional(),
});
export type ServerTls = z.infer<typeof ServerTls>;

/** TLS to the servers of a pool. */
export const ClientTls = z.strictObject({
  profile: TlsProfile,
  /** Send the name of the server: `server_name`, else the server's host name, else the one the client asked for. */
  sni_enabled: z.boolean(),
  server_name: z.string().max(255).optional(),
  certificate_uuid: uuid.optional(),
  validation: z
    .strictObject({
      ...PeerValidation.shape,
      /** The certificate must be for one of `domain_names`, or for the name that is sent when there are none. */
      host_check: z.boolean(),
      domain_names: z.array(z.string().min(1).max(255)).max(16),
    })
    .optional(),
});
export type ClientTls = z.infer<typeof ClientTls>;

/**
 * The keys that seal session tickets of one virtual service, on all its SEs: 80 bytes each in base64 (name 16,
 * HMAC-SHA256 key 32, AES-256 key 32). Tickets are made with the first one and taken of all. Secret.
 */
export const TicketKeys = z.strictObject({
  virtual_service_uuid: uuid,
  keys: z.array(z.string().length(108)).min(1).max(4),
});
export type TicketKeys = z.infer<typeof TicketKeys>;
