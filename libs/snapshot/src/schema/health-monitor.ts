import { z } from 'zod';
import { name, port, uuid } from './primitives.js';

export const HealthMonitor = z.strictObject({
  uuid,
  name,
  /** Milliseconds. */
  send_interval: z.int().min(100).max(3_600_000),
  receive_timeout: z.int().min(50).max(2_400_000),
  successful_checks: z.int().min(1).max(50),
  failed_checks: z.int().min(1).max(50),
  /** Probe this port instead of the server's. */
  monitor_port: port.optional(),
  check: z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('http'),
      /** First line, without the version where that is left out, as in the published schema: `GET / HTTP/1.0`. */
      request: z.string().min(1).max(1024),
      exact_request: z.boolean(),
      /** `2xx` classes or exact codes. */
      response_codes: z.array(z.string().regex(/^[1-5](xx|\d\d)$/)).max(64),
      /** Must occur in the first 2 kB of the body. */
      response_text: z.string().max(512).optional(),
    }),
    z.strictObject({
      type: z.literal('tcp'),
      send: z.string().max(4096).optional(),
      expect: z.string().max(4096).optional(),
      half_open: z.boolean(),
    }),
  ]),
});
export type HealthMonitor = z.infer<typeof HealthMonitor>;
