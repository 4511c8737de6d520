import type { HttpProfile, Placement, Pool as PoolSpec, VirtualService } from '@spillway/snapshot';
import { HEALTH, layoutOf, Mapping } from '@spillway/telemetry';
import { latin1 } from './bytes.js';
import { Budget } from './core/budget.js';
import { Rooms } from './core/rooms.js';
import { RttSampler } from './core/rtt.js';
import { Clock, TICK_MS } from './core/clock.js';
import { errorRulesOf } from './core/errors.js';
import type { PlaneContext } from './core/context.js';
import { PlacementRuntime } from './core/placement.js';
import { Pool } from './core/pool.js';
import { ServerRuntime } from './core/server.js';
import { ServiceRuntime } from './core/service.js';
import { application } from './layers.js';
import { protocolOf } from './server-protocols.js';
import type { CloseReason, Listener, Socket, SocketHandler, Transport } from './transport/seam.js';

const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: warm\r\nAccept: */*\r\n\r\n',
  'GET /a/path?with=query HTTP/1.1\r\nHost: warm.example:8080\r\nConnection: keep-alive\r\nUser-Agent: warm/1.0 (compiler; x64)\r\n' +
    'Accept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip, br\r\nAccept-Language: en\r\nCookie: a=b; c=d\r\n\r\n',
  'POST /form HTTP/1.1\r\nHost: warm\r\nContent-Length: 11\r\n\r\nhello=world',
  'POST /chunks HTTP/1.1\r\nHost: warm\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
].map(latin1);

export interface WarmUp {
  requests: number;
  milliseconds: number;
}

/**
 * Drives synthetic requests through the transport and the engine of this process, so that the first real ones meet
 * compiled code: the first second of a cold worker is several times slower. Call it before the worker joins a
 * listener group.
 *
 * It counts in a mapping of its own, and listens on loopback for its own duration only. Ends after `requests` or
 * `milliseconds`, whichever comes first; where loopback cannot be used it ends at once, with 0 requests.
 */
export async function warm(
  transport: Transport,
  { requests = 20_000, milliseconds = 1500, connections = 16 } = {},
): Promise<WarmUp> {
  const started = transport.now();
  const stage = new Stage(transport);
  try {
    const port = await stage.listen();
    const { promise, resolve } = Promise.withResolvers<void>();
    const run = new Run(requests, () => transport.now() - started > milliseconds, resolve);
    for (let i = 0; i < connections; i++) new WarmClient(run, i).begin(transport, port);
    await promise;
    return { requests: run.done, milliseconds: transport.now() - started };
  } catch {
    return { requests: 0, milliseconds: transport.now() - started };
  } finally {
    stage.close();
  }
}

/** Counts the requests of all clients and ends the run. */
class Run {
  done = 0;
  private left = 0;

  constructor(
    private readonly most: number,
    private readonly late: () => boolean,
    private readonly finished: () => void,
  ) {}

  joined(): void {
    this.left++;
  }

  /** Another request, or the end of a client. */
  next(): boolean {
    this.done++;
    return this.done < this.most && ((this.done & 63) !== 0 || !this.late());
  }

  ended(): void {
    if (--this.left === 0) this.finished();
  }
}

class WarmClient implements SocketHandler {
  private socket!: Socket;
  private nth: number;

  constructor(
    private readonly run: Run,
    index: number,
  ) {
    this.nth = index;
    run.joined();
  }

  begin(transport: Transport, port: number): void {
    this.socket = transport.connect('127.0.0.1', port, this);
  }

  onOpen(): void {
    this.send();
  }
  onData(): void {
    // Answers are small and come in one piece each.
    if (this.run.next()) this.send();
    else this.socket.close();
  }
  onDrain(): void {}
  onEnd(): void {
    this.socket.close();
  }
  onClose(_reason: CloseReason): void {
    this.run.ended();
  }

  private send(): void {
    const bytes = REQUESTS[this.nth++ & 3]!;
    this.socket.write(bytes, 0, bytes.length);
  }
}

const PROFILE: HttpProfile = {
  xff_enabled: true,
  keepalive_timeout: 10_000,
  client_header_timeout: 10_000,
  client_body_timeout: 10_000,
  server_response_timeout: 10_000,
  max_header_size: 16_384,
  max_header_count: 64,
  max_body_size: 0,
  server_idle_timeout: 10_000,
};

/**
 * Two virtual services, one in front of the other: the first proxies to the second, the second has no pool and
 * answers by itself. So no other program is needed, and no code but that of production sees the sockets.
 */
class Stage {
  private readonly context: PlaneContext;
  private readonly clock: Clock;
  private readonly stopTicking: () => void;
  private readonly listeners: Listener[] = [];
  private readonly placements: PlacementRuntime[] = [];
  private server: ServerRuntime | null = null;

  constructor(transport: Transport) {
    const size = { workers: 1, virtualServices: 2, servers: 1 };
    const mapping = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
    mapping.setHealth(0, HEALTH.UP);
    mapping.publishHealth();
    this.clock = new Clock(() => transport.now());
    const block = mapping.worker(0);
    this.context = {
      transport,
      clock: this.clock,
      mapping,
      block,
      protocolOf,
      f64: mapping.f64,
      u32: mapping.u32,
      rates: block.rates(),
      persistence: { table: block.persistence(), origin: 0 },
      rtt: new RttSampler(),
      rooms: new Rooms(transport),
      budget: new Budget(transport),
      flows: { sharing: null, count: 0, most: 0 },
    };
    this.stopTicking = transport.every(TICK_MS, this.clock);
  }

  async listen(): Promise<number> {
    const last = await this.serve('warm-last', 1, null);
    this.server = new ServerRuntime(this.context, 'warm', '127.0.0.1', last, 0);
    const spec: PoolSpec = {
      uuid: 'warm',
      name: 'warm',
      enabled: true,
      algorithm: 'least_connections',
      servers: [{ address: '127.0.0.1', port: last, hostname: '', state: 'enabled', ratio: 1 }],
      health_monitor_uuids: [],
      min_servers_up: 1,
      graceful_disable_timeout: 0,
      connect_timeout: 1000,
      max_idle_connections: 64,
    };
    const pool = new Pool(this.context, spec, [this.server], Int32Array.of(0), null, {
      context: null,
      problem: null,
    });
    Object.assign(this.server, { pool, place: 0, maxIdle: spec.max_idle_connections });
    return this.serve('warm-first', 0, pool);
  }

  private async serve(uuid: string, slot: number, pool: Pool | null): Promise<number> {
    const spec: VirtualService = {
      uuid,
      name: uuid,
      tenant: 'admin',
      enabled: true,
      vips: [{ vip_id: '1', address: '127.0.0.1' }],
      services: [{ port: 1, port_range_end: 1 }],
      application: { type: 'http', http: PROFILE },
    };
    const placement: Placement = {
      virtual_service_uuid: uuid,
      vip_id: '1',
      state: 'active',
      primary: true,
      epoch: 0,
      drain_timeout: 0,
    };
    const service = new ServiceRuntime(this.context, uuid, slot, {
      spec,
      pool,
      group: null,
      network: null,
      targets: { pools: new Map(), groups: new Map() },
      l4: null,
      errors: errorRulesOf(undefined),
      options: null,
      proxied: null,
      sharers: 1,
      up: null,
      limits: null,
      tls: null,
      tlsProblem: null,
      rules: null,
    });
    const runtime = new PlacementRuntime(this.context, uuid, '1', service, placement, application);
    this.placements.push(runtime);
    const listener = await this.context.transport.listen('127.0.0.1', 0, {
      accept: (socket) => runtime.accept(socket, spec.services[0]!),
    });
    this.listeners.push(listener);
    return listener.port;
  }

  close(): void {
    this.stopTicking();
    for (const listener of this.listeners) listener.close();
    for (const placement of this.placements) placement.drain(0);
    if (this.server === null) return;
    this.server.state = 'disabled';
    this.server.enforce(0);
  }
}
