import { hashBytes } from '@spillway/balancing';
import type { SipMessage } from './message.js';

/** Hash of the Call-ID of a message: the same on every worker and SE. */
export const callKey = (b: Uint8Array, { callIdStart, callIdEnd }: SipMessage): number =>
  hashBytes(b, callIdStart, callIdEnd);
