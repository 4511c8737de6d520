import { z } from 'zod';
import { milliseconds } from './primitives.js';

/** Limits and time-outs of an HTTP application profile; times in milliseconds, sizes in bytes. */
export const HttpProfile = z.strictObject({
  xff_enabled: z.boolean(),
  keepalive_timeout: milliseconds,
  client_header_timeout: milliseconds,
  client_body_timeout: milliseconds,
  /** Longest wait for a server's response head; 0 waits for ever. */
  server_response_timeout: milliseconds,
  max_header_size: z.int().min(256).max(1_048_576),
  max_header_count: z.int().min(1).max(4096),
  /** 0 is unlimited. */
  max_body_size: z.int().min(0),
  /** Kept connections to servers are closed after this long without use. */
  server_idle_timeout: milliseconds,
});
export type HttpProfile = z.infer<typeof HttpProfile>;
