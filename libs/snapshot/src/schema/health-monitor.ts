import { z } from 'zod';
import { name, port, uuid } from './primitives.js';
import { PeerValidation, TlsProfile } from './tls.js';

/** What a server says when it wants no new clients: it is taken out at once, as if it were down. */
const maintenance_text = z.string().max(512).optional();

/** What the monitor sends and must get back; absent: nothing is sent, nothing is asked of the answer. */
const dialogue = {
  send: z.string().max(4096).optional(),
  /** Must occur in the first 4 kB of the answer. */
  expect: z.string().max(4096).optional(),
  maintenance_text,
};

/** TLS of one monitor. What is absent is as the pool has it towards its servers. */
export const MonitorTls = z.strictObject({
  /** Sent to the server, and what its certificate must be for where host names are checked. */
  server_name: z.string().max(255).optional(),
  profile: TlsProfile.optional(),
  /** Shown to the server. */
  certificate_uuid: uuid.optional(),
  /** Absent here and in the pool: any certificate is accepted. */
  validation: PeerValidation.optional(),
});
export type MonitorTls = z.infer<typeof MonitorTls>;

const HttpCheck = z.strictObject({
  type: z.literal('http'),
  /** First line, without the version where that is left out, as in the published schema: `GET / HTTP/1.0`. */
  request: z.string().min(1).max(1024),
  /** Sent behind the head, with its Content-Length. */
  request_body: z.string().max(4096).optional(),
  exact_request: z.boolean(),
  /** `2xx` classes or exact codes. */
  response_codes: z.array(z.string().regex(/^[1-5](xx|\d\d)$/)).max(64),
  /** Must occur in the body, see `response_size`. */
  response_text: z.string().max(512).optional(),
  /** Bytes of the body that are looked at; absent: 2048. */
  response_size: z.int().min(2048).max(16_384).optional(),
  maintenance_codes: z.array(z.int().min(100).max(599)).max(4).optional(),
  maintenance_text,
  /** Basic authentication. Secret. */
  authentication: z.strictObject({ username: z.string().max(256), password: z.string().max(256) }).optional(),
  /** Over TLS. */
  tls: MonitorTls.optional(),
});

const TcpCheck = z.strictObject({ type: z.literal('tcp'), half_open: z.boolean(), ...dialogue });
const UdpCheck = z.strictObject({ type: z.literal('udp'), ...dialogue });

const DnsCheck = z.strictObject({
  type: z.literal('dns'),
  query_name: z.string().min(1).max(255),
  /** Number of the record type (RFC 1035): 1 for A, 28 for AAAA. */
  record_type: z.int().min(1).max(65_535),
  /**
   * `query_type`: an answer of the type that was asked for; `any_type`: an answer of any type; `anything`: no answer
   * is needed.
   */
  answer: z.enum(['query_type', 'any_type', 'anything']),
  /** False takes any response code. */
  no_error: z.boolean(),
  /** Must be one of the addresses, names or texts of the answer. */
  response_text: z.string().max(512).optional(),
});

const SipCheck = z.strictObject({
  type: z.literal('sip'),
  transport: z.enum(['udp', 'tcp']),
  /** Must occur in the answer to OPTIONS. */
  expect: z.string().max(512),
});

const PingCheck = z.strictObject({ type: z.literal('ping') });

const ExternalCheck = z.strictObject({
  type: z.literal('external'),
  /** The script. */
  script: z.string().min(1).max(65_536),
  parameters: z.array(z.string().max(1024)).max(64),
  /** Further variables of its environment. */
  variables: z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string().max(4096)),
});

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
  /** Every check waits for the interval, those of a first round and of a server that comes back too. */
  disable_quickstart: z.boolean().optional(),
  /** Each pool that uses it makes its own checks, also where another one checks the same server. */
  allow_duplicate_monitors: z.boolean().optional(),
  /** One SE of a virtual service checks, and the others trust it for one interval. */
  shared_probing: z.boolean().optional(),
  check: z.discriminatedUnion('type', [
    HttpCheck,
    TcpCheck,
    UdpCheck,
    DnsCheck,
    SipCheck,
    PingCheck,
    ExternalCheck,
  ]),
});
export type HealthMonitor = z.infer<typeof HealthMonitor>;

/** The check of one type. */
export type Check<T extends HealthMonitor['check']['type']> = Extract<HealthMonitor['check'], { type: T }>;
