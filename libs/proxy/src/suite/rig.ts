import type {
  AcceptProxy,
  L4Rule,
  HttpProfile,
  Placement,
  Pool,
  Server,
  ServerTls,
  Service,
  ServiceLimits,
  SipProfile,
  Snapshot,
  VirtualService,
} from '@spillway/snapshot';
import { HEALTH, layoutOf, Mapping } from '@spillway/telemetry';
import type { DataPlane, PlaneConfig, PlaneOptions } from '../api.js';
import { serverKey } from '../core/compile.js';
import { createDataPlane } from '../dataplane.js';
import type { Transport } from '../transport/seam.js';
import { transportHere } from './transport.js';

export const HTTP: HttpProfile = {
  xff_enabled: true,
  keepalive_timeout: 30_000,
  client_header_timeout: 10_000,
  client_body_timeout: 30_000,
  server_response_timeout: 60_000,
  max_header_size: 16_384,
  max_header_count: 64,
  max_body_size: 0,
  server_idle_timeout: 60_000,
};

export interface ServiceSpec {
  /** TLS on all ports. */
  tls?: ServerTls | undefined;
  uuid?: string;
  /** Ports to listen on; addresses are 127.0.0.1 unless `address` says otherwise. */
  ports: number[];
  address?: string;
  http?: Partial<HttpProfile>;
  /** HTTP/2 on every port. */
  http2?: boolean;
  /** L4 instead of HTTP, with this idle time-out. */
  tcpIdle?: number;
  /** Instead of HTTP or `tcpIdle`. */
  application?: VirtualService['application'];
  rules?: L4Rule[];
  acceptProxy?: AcceptProxy;
  /** Instead of `ports`. */
  services?: Service[];
  pool?: string | null;
  sip?: SipProfile;
  limits?: ServiceLimits;
  /** Uuids of policy sets, of a pool group and of a network policy among the parts given to `apply`. */
  policies?: Pick<VirtualService, 'http_policy_set_uuids' | 'pool_group_uuid' | 'network_policy_uuid'>;
  errors?: VirtualService['error_exclusions'];
  enabled?: boolean;
  closeWhenDown?: VirtualService['close_when_down'];
  placement?: Partial<Placement> | null;
}

/** What a snapshot may have beside virtual services and pools. */
export type Parts = Pick<
  Snapshot,
  | 'pool_groups'
  | 'http_policy_sets'
  | 'network_policies'
  | 'string_groups'
  | 'address_groups'
  | 'persistence_profiles'
>;

export type PoolSpec = Partial<Omit<Pool, 'servers'>> & {
  servers: (Partial<Server> & { port: number })[];
};

/** One data plane with a mapping of its own and short ways to configure it. */
export class Rig {
  readonly plane: DataPlane;
  private readonly slots: PlaneConfig['slots'] = { virtual_services: {}, servers: {}, pools: {} };
  private generation = 0;
  private nextServer = 0;
  private nextService = 0;
  private nextPool = 0;

  constructor(
    readonly transport: Transport,
    readonly mapping: Mapping,
    options: PlaneOptions = {},
    worker = 0,
  ) {
    this.plane = createDataPlane(transport, mapping, worker, options);
  }

  static async make(options: PlaneOptions = {}): Promise<Rig> {
    const size = { workers: 2, virtualServices: 16, servers: 256 };
    const mapping = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
    return new Rig(await transportHere(), mapping, options);
  }

  /** Certificates and ticket keys of every configuration. */
  secrets: Pick<Snapshot, 'certificates' | 'ticket_keys'> = {};

  config(services: ServiceSpec[], pools: Record<string, PoolSpec>, parts: Parts = {}): PlaneConfig {
    const snapshot: Snapshot = {
      format: 1,
      epoch: 1,
      generation: ++this.generation,
      settings: {
        se_uuid: 'serviceengine-1',
        se_name: 'se-1',
        cluster_uuid: 'cluster-1',
        se_group_uuid: 'serviceenginegroup-1',
        vip_distribution: 'host',
        dp_hb_frequency: 100,
        dp_hb_timeout_count: 6,
        heartbeat_interval: 1000,
      },
      placements: services.flatMap((s) => this.placement(s)),
      virtual_services: services.map((s) => this.service(s)),
      pools: Object.entries(pools).map(([uuid, p]) => this.pool(uuid, p)),
      health_monitors: [],
      ...this.secrets,
      ...parts,
    };
    return { snapshot, slots: structuredClone(this.slots) };
  }

  apply(services: ServiceSpec[], pools: Record<string, PoolSpec>, parts: Parts = {}): Promise<void> {
    return this.plane.apply(this.config(services, pools, parts));
  }

  /** Slot of a server; it is up from the start. */
  slot(pool: string, port: number, address = '127.0.0.1'): number {
    return this.slots.servers[serverKey(pool, { address, port })]!;
  }

  health(pool: string, port: number, verdict: number, address = '127.0.0.1'): void {
    this.mapping.setHealth(this.slot(pool, port, address), verdict);
    this.mapping.publishHealth();
  }

  private placement(s: ServiceSpec): Placement[] {
    if (s.placement === null) return [];
    return [
      {
        virtual_service_uuid: s.uuid ?? 'vs',
        vip_id: '1',
        state: 'active',
        primary: true,
        epoch: 1,
        drain_timeout: 30_000,
        ...s.placement,
      },
    ];
  }

  private service(s: ServiceSpec): VirtualService {
    const uuid = s.uuid ?? 'vs';
    this.slots.virtual_services[uuid] ??= this.nextService++;
    const pool = s.pool === undefined ? 'pool' : s.pool;
    return {
      uuid,
      name: uuid,
      tenant: 'admin',
      enabled: s.enabled ?? true,
      vips: [{ vip_id: '1', address: s.address ?? '127.0.0.1' }],
      services:
        s.services ??
        s.ports.map((port) => ({
          port,
          port_range_end: port,
          ...(s.http2 === true ? { enable_http2: true } : {}),
          ...(s.tls === undefined ? {} : { enable_ssl: true }),
        })),
      application: s.application ?? this.application(s),
      ...(s.rules === undefined ? {} : { l4_rules: s.rules }),
      ...(s.acceptProxy === undefined ? {} : { accept_proxy: s.acceptProxy }),
      ...(pool === null ? {} : { pool_uuid: pool }),
      ...(s.sip === undefined ? {} : { sip: s.sip }),
      ...(s.limits === undefined ? {} : { limits: s.limits }),
      ...(s.tls === undefined ? {} : { tls: s.tls }),
      ...(s.errors === undefined ? {} : { error_exclusions: s.errors }),
      ...(s.closeWhenDown === undefined ? {} : { close_when_down: s.closeWhenDown }),
      ...s.policies,
    };
  }

  private application(s: ServiceSpec): VirtualService['application'] {
    return s.tcpIdle === undefined
      ? { type: 'http', http: { ...HTTP, ...s.http } }
      : { type: 'tcp', tcp: { idle_timeout: s.tcpIdle } };
  }

  private pool(uuid: string, p: PoolSpec): Pool {
    const servers = p.servers.map((s): Server => {
      const server: Server = { address: '127.0.0.1', hostname: '', state: 'enabled', ratio: 1, ...s };
      const key = serverKey(uuid, server);
      if (this.slots.servers[key] === undefined) {
        this.slots.servers[key] = this.nextServer++;
        this.mapping.setUsed(16, this.nextServer, 16);
        this.mapping.setHealth(this.slots.servers[key], HEALTH.UP);
        this.mapping.publishHealth();
      }
      return server;
    });
    if (p.max_connections !== undefined) this.slots.pools![uuid] ??= this.nextPool++;
    return {
      uuid,
      name: uuid,
      enabled: true,
      algorithm: 'round_robin',
      health_monitor_uuids: [],
      min_servers_up: 1,
      graceful_disable_timeout: 60_000,
      connect_timeout: 2000,
      max_idle_connections: 64,
      ...p,
      servers,
    };
  }
}
