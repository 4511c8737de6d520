import { z } from 'zod';
import { address } from './primitives.js';

export const Server = z.strictObject({
  address,
  /** 0: the port on which the virtual service was reached (pools document, Disable Port Translation). */
  port: z.int().min(0).max(65_535),
  hostname: z.string().max(255),
  /**
   * `disabled` resets what is left at once; `draining` finishes requests in flight, closes idle connections at
   * once, and resets the rest at `drain_until`.
   */
  state: z.enum(['enabled', 'draining', 'disabled']),
  /**
   * When what is left of a draining server is reset, in milliseconds since 1970: the same for every SE and over every
   * restart. Absent: after the pool's `graceful_disable_timeout`, from when an SE hears of it.
   */
  drain_until: z.int().min(0).optional(),
  ratio: z.int().min(1).max(20),
  /** The value of a client's header that asks for this server (custom header persistence). */
  prst_hdr_val: z.string().min(1).max(255).optional(),
  /** Requests for it carry its name as Host, whatever the pool says. Absent: false. */
  rewrite_host_header: z.boolean().optional(),
});
export type Server = z.infer<typeof Server>;
