import { z } from 'zod';
import { milliseconds } from './primitives.js';

/** What an L4 virtual service carries is SIP: pools that go by Call-ID get every message by its call. */
export const SipProfile = z.strictObject({
  /** A call of which nothing was heard for so long may go to another server. */
  transaction_timeout: milliseconds.min(2_000).max(512_000),
});
export type SipProfile = z.infer<typeof SipProfile>;
