import { z } from 'zod';
import { milliseconds } from './primitives.js';

export const TcpProfile = z.strictObject({
  /** A connection without traffic either way is closed after this long; 0 never. */
  idle_timeout: milliseconds,
});
export type TcpProfile = z.infer<typeof TcpProfile>;

export const UdpProfile = z.strictObject({
  /** A flow (the datagrams between one client's address and port and one of ours) ends after this long without any. */
  idle_timeout: milliseconds,
  /** Every datagram of a client gets a server of its own; else all of a flow go to one. */
  per_datagram: z.boolean(),
});
export type UdpProfile = z.infer<typeof UdpProfile>;

/** How an L4 virtual service, or one of its ports, treats what comes. */
export const L4Application = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('tcp'), tcp: TcpProfile }),
  z.strictObject({ type: z.literal('udp'), udp: UdpProfile }),
]);
export type L4Application = z.infer<typeof L4Application>;
