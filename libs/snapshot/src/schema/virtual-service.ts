import { z } from 'zod';
import { address, name, port, uuid } from './primitives.js';
import { ErrorExclusions } from './errors.js';
import { HttpProfile } from './http.js';
import { AcceptProxy, L4Application, L4Rule, TcpOptions, TcpProfile, UdpProfile } from './l4.js';
import { ServiceLimits } from './limits.js';
import { SipProfile } from './sip.js';
import { ServerTls } from './tls.js';

export const Vip = z.strictObject({ vip_id: z.string().max(64), address });
export type Vip = z.infer<typeof Vip>;

export const Service = z
  .strictObject({
    port,
    port_range_end: port,
    /** What these ports carry where it is not what the virtual service does; for L4 alone. */
    application: L4Application.optional(),
    /** HTTP/2 too: by ALPN on TLS, with prior knowledge in clear. Absent: false. */
    enable_http2: z.boolean().optional(),
    /** Clients speak TLS here, as `tls` of the virtual service says. */
    enable_ssl: z.boolean().optional(),
  })
  .refine((s) => s.port_range_end >= s.port, { message: 'port_range_end must not be below port' });
export type Service = z.infer<typeof Service>;

export const VirtualService = z.strictObject({
  uuid,
  name,
  tenant: name,
  /** False: no listener, as if unplaced, but claims are kept. */
  enabled: z.boolean(),
  vips: z.array(Vip).min(1).max(64),
  services: z.array(Service).min(1).max(512),
  application: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('http'), http: HttpProfile }),
    z.strictObject({ type: z.literal('tcp'), tcp: TcpProfile }),
    z.strictObject({ type: z.literal('udp'), udp: UdpProfile }),
  ]),
  pool_uuid: uuid.optional(),
  accept_proxy: AcceptProxy.optional(),
  /** Of all its TCP ports. */
  tcp_options: TcpOptions.optional(),
  /** For L4, in their order. What fits none goes to `pool_uuid`. */
  l4_rules: z.array(L4Rule).max(1000).optional(),
  /** For L4. */
  sip: SipProfile.optional(),
  limits: ServiceLimits.optional(),
  /** In place of one pool. */
  pool_group_uuid: uuid.optional(),
  /** In the order in which they are asked. */
  http_policy_set_uuids: z.array(uuid).max(256).optional(),
  network_policy_uuid: uuid.optional(),
  tls: ServerTls.optional(),
  /** Of what is an error of a server; absent: nothing. */
  error_exclusions: ErrorExclusions.optional(),
  /**
   * While it is down on an SE, nobody can connect to it there: fewer of its pools than `min_pools_up` are up, and no
   * policy redirects without a pool.
   */
  close_when_down: z
    .strictObject({ min_pools_up: z.int().min(1).max(65_535), redirects: z.boolean() })
    .optional(),
});
export type VirtualService = z.infer<typeof VirtualService>;
