import { z } from 'zod';

const code = z.int().min(100).max(599);

/**
 * What servers do that a virtual service does not take for an error, though it would be one (its analytics profile).
 * All responses 4xx and 5xx and all failures that are the server's are errors otherwise.
 */
export const ErrorExclusions = z.strictObject({
  /** Codes of responses. */
  codes: z.array(z.strictObject({ begin: code, end: code })).max(1000),
  /** Codes of responses of SIP, where only 5xx are errors. */
  sip_codes: z.array(z.int().min(400).max(699)).max(1000).optional(),
  /** Connections that the server has reset. */
  server_reset: z.boolean(),
  /** Connections that the server did not take in time. */
  connect_timeout: z.boolean(),
});
export type ErrorExclusions = z.infer<typeof ErrorExclusions>;
