import { Probe } from '../clients/probe.js';
import type { ApiClient, ConfigObject, Json, Operation } from '../instance/api-client.js';
import { Instance, type InstanceOptions, testNetwork } from '../instance/instance.js';
import type { Origin, OriginSpec } from '../origin/behaviour.js';
import { spawnOrigins } from '../origin/spawn.js';
import { eventually } from '../process/eventually.js';
import type { Netns } from '../process/netns.js';
import { freeIpv6, freeLoopback, freePort } from '../process/ports.js';
import type { Scope } from '../process/scope.js';

export interface WorldOptions extends Omit<InstanceOptions, 'netns'> {
  /** The origins that are the pool's servers, by name or as they are to be. Default o1, o2, o3. */
  origins?: (string | OriginSpec)[];
  /** Seconds that a drain may take (`vs_scalein_timeout`). Default 3. */
  drainSeconds?: number;
  /** Merged over the pool and the virtual service. */
  pool?: Json;
  virtualService?: Json;
  /** Does the pool have a health monitor? Default true. */
  monitored?: boolean;
}

/** One SE as the placement of the virtual service shows it. */
export interface PlacedOn {
  name: string;
  uuid: string;
  primary: boolean;
  active: boolean;
}

interface VipSummary {
  service_engine?: { uuid: string; url: string; primary?: boolean; active_on_se?: boolean }[];
}

/** An instance with origins, a pool, a VIP of both families and an HTTP virtual service, placed and answering. */
export class World {
  readonly vip4 = freeLoopback();
  readonly vip6 = freeIpv6();
  port = 0;
  netns: Netns | undefined;
  /** `tcp_migrate_req` is on: no connection is lost when a listener closes. */
  migrates = true;
  /** Addresses of the VIP; IPv6 only where an address may be added to loopback. */
  hosts: string[] = [this.vip4];
  origins!: Origin[];
  instance!: Instance;
  probe!: Probe;
  pool!: ConfigObject;
  vsvip!: ConfigObject;
  vs!: ConfigObject;

  private constructor(
    readonly scope: Scope,
    readonly options: WorldOptions,
  ) {}

  static async create(scope: Scope, options: WorldOptions = {}): Promise<World> {
    const world = new World(scope, options);
    const { netns, isolated, migrates } = await testNetwork(scope);
    world.netns = netns;
    world.migrates = migrates;
    if (isolated) world.hosts.push(world.vip6);
    // Inside a fresh namespace every port is free; outside the VIP's port must not meet anything that listens on all addresses.
    world.port = netns ? 8080 : await freePort();
    const inNetwork = netns ? { netns } : {};
    const names = options.origins ?? ['o1', 'o2', 'o3'];
    world.origins = (
      await spawnOrigins(
        scope,
        names.map((one) => (typeof one === 'string' ? { name: one } : one)),
        inNetwork,
      )
    ).origins;
    world.probe = await Probe.start(scope, inNetwork);
    world.instance = await Instance.start(scope, { ...options, ...inNetwork });
    await world.instance.watched(() => world.#configure());
    return world;
  }

  get api(): ApiClient {
    return this.instance.api;
  }

  get drainMs(): number {
    return (this.options.drainSeconds ?? 3) * 1000;
  }

  /** Servers of a pool, from origins. */
  servers(origins = this.origins): Json[] {
    return origins.map((o) => ({
      ip: { addr: o.host, type: o.host.includes(':') ? 'V6' : 'V4' },
      port: o.port,
    }));
  }

  async #configure(): Promise<void> {
    const { api, options } = this;
    const group = await api.find('serviceenginegroup', 'Default-Group');
    await api.patch(`/api/serviceenginegroup/${group.uuid}`, {
      replace: { vs_scalein_timeout: options.drainSeconds ?? 3, max_scaleout_per_vs: 4 },
    });
    const refs: Json = {};
    if (options.monitored ?? true) {
      const monitor = await api.post('/api/healthmonitor', {
        name: 'hm',
        type: 'HEALTH_MONITOR_HTTP',
        send_interval: 2,
        receive_timeout: 1,
        http_monitor: { http_request: 'GET /health HTTP/1.0', http_response_code: ['HTTP_2XX'] },
      });
      refs['health_monitor_refs'] = [monitor.url];
    }
    this.pool = await api.post('/api/pool', {
      name: 'pool',
      lb_algorithm: 'LB_ALGORITHM_ROUND_ROBIN',
      // A server that joins has its full part at once: tests of the ramp say otherwise.
      connection_ramp_duration: 0,
      ...refs,
      servers: this.servers(),
      ...options.pool,
    });
    this.vsvip = await api.post('/api/vsvip', {
      name: 'vip',
      vip: [
        {
          vip_id: '0',
          ip_address: { addr: this.vip4, type: 'V4' },
          ...(this.hosts.includes(this.vip6) && { ip6_address: { addr: this.vip6, type: 'V6' } }),
        },
      ],
    });
    this.vs = await api.post('/api/virtualservice', {
      name: 'vs',
      services: [{ port: this.port }],
      pool_ref: this.pool.url,
      vsvip_ref: this.vsvip.url,
      ...options.virtualService,
    });
    await this.placedOn(1);
    for (const host of this.hosts) await this.#answers(host);
  }

  /** Where the virtual service is placed now. */
  async placements(): Promise<PlacedOn[]> {
    const { runtime } = await this.api.get<{ runtime: { vip_summary: VipSummary[] } }>(
      `/api/virtualservice-inventory/${this.vs.uuid}`,
    );
    return (runtime.vip_summary[0]?.service_engine ?? []).map((se) => ({
      name: se.url.split('#')[1] ?? '',
      uuid: se.uuid,
      primary: se.primary === true,
      active: se.active_on_se === true,
    }));
  }

  /** Waits until it is active on exactly `count` SEs. */
  async placedOn(count: number, within = 20_000): Promise<PlacedOn[]> {
    let last: PlacedOn[] = [];
    await eventually(
      async () => {
        last = await this.placements();
        return last.length === count && last.every((p) => p.active) ? true : Promise.reject(describe(last));
      },
      { within, every: 50, what: `the virtual service to be active on ${count} SEs` },
    );
    return last;
  }

  async #answers(host: string): Promise<void> {
    const roots = await this.instance.serviceEngineRoots();
    await eventually(
      async () => {
        const seen = await this.probe.spread({ host, port: this.port, connections: 1, roots });
        return seen.failures.length === 0 || Promise.reject(new Error(seen.failures.join('; ')));
      },
      { within: 10_000, every: 50, what: `an answer of ${host} port ${this.port}` },
    );
  }

  /** Begins a scale action of the virtual service; the operation that it made. */
  async begin(
    action: 'scaleout' | 'scalein' | 'migrate' | 'switchover',
    body: Json = {},
  ): Promise<Operation> {
    const reply = await this.api.post<Json>(`/api/virtualservice/${this.vs.uuid}/${action}`, {
      vip_id: '0',
      ...body,
    });
    const operation = (reply['operation'] as Json | undefined)?.['uuid'] ?? reply['operation_uuid'];
    if (typeof operation !== 'string') {
      throw new Error(`${action} named no operation: ${JSON.stringify(reply)}`);
    }
    return this.api.get<Operation>(`/api/operation/${operation}`);
  }

  /** Begins a scale action and waits for its success. */
  async act(action: 'scaleout' | 'scalein' | 'migrate' | 'switchover', body: Json = {}): Promise<Operation> {
    const { uuid } = await this.begin(action, body);
    return this.api.waitOperation(uuid, { within: this.drainMs + 20_000 });
  }

  /** Reference of an SE by its name, for the body of an action. */
  async seRef(name: string): Promise<string> {
    return (await this.api.find('serviceengine', name)).url;
  }
}

function describe(placements: PlacedOn[]): Error {
  return new Error(`placed on ${JSON.stringify(placements)}`);
}

interface Step {
  name: string;
  started_at?: string;
  ended_at?: string;
}

/** Begin and end (ms since the epoch) of a step of an operation. */
export function stepTimes(operation: Operation, name: string): { start: number; end: number } {
  const step = (operation['steps'] as Step[]).find((s) => s.name === name);
  if (!step?.started_at) throw new Error(`no step ${name} in ${JSON.stringify(operation['steps'])}`);
  return { start: Date.parse(step.started_at), end: Date.parse(step.ended_at ?? '') };
}
