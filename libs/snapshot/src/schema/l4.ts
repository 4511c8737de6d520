import { z } from 'zod';
import { AddressRange } from './address-range.js';
import { milliseconds, name, port, uuid } from './primitives.js';

export const TcpProfile = z.strictObject({
  /** A connection without traffic either way is closed after this long; 0 never. */
  idle_timeout: milliseconds,
  /** Both sides are asked whether they are there after this long without traffic. Absent: after a minute. */
  probe_interval: milliseconds.min(1000).optional(),
  /** Version of the PROXY protocol by which servers of an L4 service are told of the client. Absent: none. */
  send_proxy: z.union([z.literal(1), z.literal(2)]).optional(),
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

/** What a network profile asks of TCP itself; absent is as the system has it. */
export const TcpOptions = z.strictObject({
  /** Small writes wait for the acknowledgement of earlier ones (RFC 896). */
  nagle: z.boolean().optional(),
  /** Differentiated services code point of what is sent (RFC 2474): to clients, and to servers of L4. */
  dscp: z.int().min(1).max(63).optional(),
  /** Longest segment that clients are told to send, in bytes. */
  max_segment: z.int().min(512).max(9000).optional(),
});
export type TcpOptions = z.infer<typeof TcpOptions>;

/** Every connection begins with a header of the PROXY protocol (version 1 or 2), which says where it comes from. */
export const AcceptProxy = z.strictObject({
  /** Whose connections these are; those of others begin without. Absent: everybody's. */
  from: z.array(AddressRange).max(10_000).optional(),
});
export type AcceptProxy = z.infer<typeof AcceptProxy>;

const negated = z.boolean();

/** A rule of a virtual service for L4: connections and flows that fit go to its pool. The first one that fits counts. */
export const L4Rule = z
  .strictObject({
    name,
    client: z.strictObject({ negated, ranges: z.array(AddressRange).max(10_000) }).optional(),
    port: z
      .strictObject({
        negated,
        ranges: z
          .array(z.strictObject({ begin: port, end: port }))
          .min(1)
          .max(1000),
      })
      .optional(),
    protocol: z.strictObject({ negated, protocol: z.enum(['tcp', 'udp']) }).optional(),
    /** The name that a client of TLS asks for, in lower case; empty where there is none. */
    server_name: z
      .strictObject({
        negated,
        operator: z.enum(['equals', 'begins_with', 'ends_with', 'contains']),
        values: z.array(z.string().max(256)).max(10_000),
      })
      .optional(),
    pool_uuid: uuid.optional(),
    /** In place of one pool. */
    pool_group_uuid: uuid.optional(),
  })
  .refine((rule) => (rule.pool_uuid === undefined) !== (rule.pool_group_uuid === undefined), {
    message: 'a rule names a pool or a pool group',
  });
export type L4Rule = z.infer<typeof L4Rule>;
