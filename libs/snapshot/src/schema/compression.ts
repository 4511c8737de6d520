import { z } from 'zod';
import { AddressRange } from './address-range.js';

export const COMPRESSION_EFFORTS = ['none', 'normal', 'aggressive'] as const;

/** Clients that get a certain effort. Matches when each part that is given matches; `negate` turns that around. */
export const CompressionFilter = z.strictObject({
  negate: z.boolean(),
  addresses: z.array(AddressRange).max(1000),
  /** A part of User-Agent, without regard to case. */
  user_agents: z.array(z.string().min(1).max(256)).max(256),
  effort: z.enum(COMPRESSION_EFFORTS),
});
export type CompressionFilter = z.infer<typeof CompressionFilter>;

/** Compression of responses to clients that accept it. */
export const Compression = z.strictObject({
  /** `type/subtype` or `type/*`, lower case. */
  content_types: z
    .array(
      z
        .string()
        .max(128)
        .regex(/^[!#$&\-^_.+a-z0-9]+\/(\*|[!#$&\-^_.+a-z0-9]+)$/),
    )
    .max(1000),
  /** Bodies known to be shorter stay as they are; bytes. */
  min_length: z.int().min(0).max(2_147_483_647),
  /** 1 (fast) to 9 (small). */
  normal_level: z.int().min(1).max(9),
  aggressive_level: z.int().min(1).max(9),
  /** Servers are not told that the client takes codings, so that they send bodies as they are. */
  remove_accept_encoding: z.boolean(),
  /**
   * Who gets which effort. `auto`: by the round-trip time to the client in milliseconds, up to `max_low_rtt` none,
   * above `min_high_rtt` aggressive, between them normal; where it is not known normal. Who names one of `mobile` in
   * User-Agent gets aggressive. `filters`: the first that matches, else none.
   */
  rule: z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('auto'),
      max_low_rtt: z.int().min(0).max(60_000),
      min_high_rtt: z.int().min(0).max(60_000),
      mobile: z.array(z.string().min(1).max(256)).max(256),
    }),
    z.strictObject({ type: z.literal('filters'), filters: z.array(CompressionFilter).max(64) }),
  ]),
});
export type Compression = z.infer<typeof Compression>;
