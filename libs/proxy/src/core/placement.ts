import type { Placement, Service } from '@spillway/snapshot';
import { CLOSED_BY, REFUSED_BY } from '@spillway/telemetry';
import type { PlacementError, PlacementStatus } from '../api.js';
import { BindError, type Socket, type SocketHandler } from '../transport/seam.js';
import { UdpPoint } from '../udp/point.js';
import { mayConnect } from '../limits/network-gate.js';
import { RefusedConnection } from '../limits/service-limits.js';
import { Timed } from './clock.js';
import type { Ends, Tracked } from './connection.js';
import type { PlaneContext } from './context.js';
import type { Layer } from './layers.js';
import { applicationOf, TcpPoint, type Point } from './point.js';
import type { ServiceRuntime } from './service.js';

interface Wanted {
  readonly address: string;
  readonly port: number;
  readonly service: Service;
  readonly type: 'tcp' | 'udp';
}

/** What listeners depend on. */
interface Settled {
  readonly service: unknown;
  readonly problem: unknown;
  readonly state: unknown;
  readonly draining: boolean;
  readonly hidden: boolean;
}

/**
 * One virtual service on one of its VIPs: its listeners and its client connections. Listeners are opened and closed
 * by difference only; a drain counts down to the reset of what is left.
 */
export class PlacementRuntime extends Timed {
  /** No listener is open, or will be soon: each response says that its connection closes. */
  draining = false;
  /** Its virtual service is down, and nobody can connect to it meanwhile. */
  private hidden = false;
  readonly connections: Tracked[] = [];
  private readonly points = new Map<string, Point>();
  /** Something that `status` tells has changed. */
  dirty = true;

  constructor(
    private readonly context: PlaneContext,
    readonly key: string,
    readonly vipId: string,
    readonly service: ServiceRuntime,
    /** Of the configuration that is running; null when the placement is gone. */
    public spec: Placement | null,
    /** What every new connection meets first. */
    private readonly first: Layer,
  ) {
    super();
  }

  accept(socket: Socket, service: Service): SocketHandler | null {
    const { budget } = this.context;
    if (budget.exceeded || !budget.hasDescriptors) {
      this.service.refused(budget.exceeded ? REFUSED_BY.MEMORY : REFUSED_BY.DESCRIPTORS);
      return null;
    }
    const { limits, network, proxied } = this.service.config;
    // Behind a proxy that says who its client is, what is asked of clients waits for that: see `mayBe`.
    const known = proxied === null || !proxied(socket.remoteAddress);
    if (known && network !== null && !mayConnect(this.context, network, socket)) {
      this.service.refused(REFUSED_BY.POLICY);
      return null;
    }
    if (limits !== null) {
      const admission = limits.admit(this.service, known ? socket.remoteAddress : null);
      if (admission === 'reset') return null;
      if (admission === 'close') {
        const refused = new RefusedConnection(socket);
        this.context.transport.defer(refused);
        return refused;
      }
    }
    const { options } = this.service.config;
    if (options !== null && options.nagle) socket.tune(options);
    return this.first(this.context, socket, this, service, null);
  }

  /** For a connection that was accepted before its client was known: whether that client may have it. */
  mayBe(ends: Ends): boolean {
    const { limits, network } = this.service.config;
    if (network !== null && !mayConnect(this.context, network, ends)) {
      this.service.refused(REFUSED_BY.POLICY);
      return false;
    }
    return limits === null || limits.admitClient(this.service, ends.remoteAddress);
  }

  add(connection: Tracked): void {
    connection.place = this.connections.length;
    this.connections.push(connection);
    this.service.connected();
    // Accepted while its listener was being closed: it counts as one that was there before.
    if (this.draining) this.dirty = true;
  }

  /** `next` is the same connection in its next layer. */
  replace(before: Tracked & Timed, next: Tracked): void {
    next.place = before.place;
    before.place = -1;
    if (next.place >= 0) this.connections[next.place] = next;
    this.context.clock.forget(before);
  }

  remove(connection: Tracked): void {
    if (connection.place < 0) return;
    const last = this.connections.pop()!;
    if (last !== connection) {
      this.connections[connection.place] = last;
      last.place = connection.place;
    }
    connection.place = -1;
    this.service.disconnected();
    if (this.draining) {
      this.dirty = true;
      if (this.connections.length === 0) this.context.clock.disarm(this);
    }
  }

  /** It is to be served: not drained, not merely prepared. */
  private get serves(): boolean {
    return !this.draining && this.spec?.state === 'active' && this.service.config.spec.enabled;
  }

  /** Looks whether the virtual service is up here. True: there are listeners to open or to close. */
  lookWhetherUp(): boolean {
    const { up } = this.service.config;
    const hidden = up !== null && !up.isUp;
    if (hidden === this.hidden) return false;
    this.hidden = hidden;
    this.dirty = true;
    return true;
  }

  /** Addresses and ports that should be listened on under the running configuration. */
  private wanted(): Map<string, Wanted> {
    const wanted = new Map<string, Wanted>();
    const { spec } = this.service.config;
    if (!this.serves || this.hidden) return wanted;
    for (const vip of spec.vips) {
      if (vip.vip_id !== this.vipId) continue;
      for (const service of spec.services) {
        const type = applicationOf(spec, service).type === 'udp' ? 'udp' : 'tcp';
        for (let { port } = service; port <= service.port_range_end; port++)
          wanted.set(`${type} ${vip.address} ${port}`, { address: vip.address, port, service, type });
      }
    }
    return wanted;
  }

  /** What the listeners were last brought in line with; they need no look while it stays the same. */
  private settledFor: Settled | null = null;

  /** Nothing is to be opened or closed. */
  get settled(): boolean {
    const { settledFor } = this;
    return settledFor !== null && this.isAsAt(settledFor);
  }

  private isAsAt(then: Settled): boolean {
    return (
      then.service === this.service.config.spec &&
      then.state === this.spec?.state &&
      then.draining === this.draining &&
      then.hidden === this.hidden &&
      then.problem === this.service.config.tlsProblem
    );
  }

  private asNow(): Settled {
    const { spec: service, tlsProblem: problem } = this.service.config;
    return { service, problem, state: this.spec?.state, draining: this.draining, hidden: this.hidden };
  }

  /** Opens what is wanted and not open; what fails is remembered and tried again at the next call. */
  async open(): Promise<void> {
    const then = this.asNow();
    for (const [key, { address, port, service, type }] of this.wanted()) {
      let point = this.points.get(key);
      if (point === undefined) {
        const Made = type === 'udp' ? UdpPoint : TcpPoint;
        this.points.set(key, (point = new Made(this, this.context, address, port, service)));
      }
      point.service = service;
      point.tune();
      const problem = service.enable_ssl === true ? this.service.config.tlsProblem : null;
      if (problem !== null) {
        if (point.error?.code !== problem.code) this.dirty = true;
        // What is open goes on with what it had before.
        point.error = new BindError(problem.code, address, port, problem.message);
        continue;
      }
      if (point.isOpen) {
        if (point.error !== null) this.dirty = true;
        point.error = null;
        continue;
      }
      try {
        await point.open();
        point.error = null;
        this.dirty = true;
      } catch (error) {
        const failure = error instanceof BindError ? error : new BindError('EUNKNOWN', address, port);
        if (point.error?.code !== failure.code) this.dirty = true;
        point.error = failure;
      }
      // The wish may have passed while the system was asked: `closeUnwanted` closes what is too much.
      if (!this.isAsAt(then)) return;
    }
  }

  /** Closes what is open and not wanted. */
  closeUnwanted(): void {
    const wanted = this.wanted();
    let kept = 0;
    for (const [key, point] of this.points) {
      if (wanted.has(key)) {
        kept++;
        continue;
      }
      this.dirty = true;
      if (point.leave()) this.points.delete(key);
    }
    this.settledFor = wanted.size === kept && !this.failed ? this.asNow() : null;
  }

  /** A point that had to be left has nothing any more. */
  pointLeft(point: Point): void {
    for (const [key, p] of this.points) if (p === point) this.points.delete(key);
    this.dirty = true;
  }

  get failed(): boolean {
    for (const point of this.points.values()) if (point.error !== null) return true;
    return false;
  }

  /**
   * Stops taking connections; what is left after `milliseconds` is reset. Called again, a drain can only get
   * shorter.
   */
  drain(milliseconds: number): void {
    const { clock } = this.context;
    if (!this.draining) {
      this.draining = true;
      this.dirty = true;
      clock.disarm(this);
      for (const connection of this.connections) connection.drainBegins?.();
    }
    if (!this.settled) this.closeUnwanted();
    if (this.connections.length === 0) return;
    if (milliseconds <= 0) {
      this.onTimeout();
      return;
    }
    const left = clock.left(this);
    if (left < 0 || milliseconds < left) clock.armNotEarly(this, milliseconds);
  }

  /** Takes connections again. */
  undrain(): void {
    if (!this.draining) return;
    this.draining = false;
    this.dirty = true;
    this.context.clock.disarm(this);
  }

  /** The drain is over: the rest is reset. */
  override onTimeout(): void {
    for (const connection of this.connections.slice()) {
      connection.because(CLOSED_BY.DRAIN);
      connection.kill();
    }
  }

  /** Nothing of a placement that is gone is left. */
  get finished(): boolean {
    return this.spec === null && this.connections.length === 0 && this.points.size === 0;
  }

  status(): PlacementStatus {
    const listeners: { address: string; port: number }[] = [];
    let error: PlacementError | undefined;
    for (const { address, isOpen, boundPort, port, error: e } of this.points.values()) {
      if (isOpen) listeners.push({ address, port: boundPort });
      // What is open may go on with what it had before, and yet not be what was asked for.
      if (e !== null) error ??= { code: e.code, address, port, message: e.message };
    }
    return {
      virtual_service_uuid: this.service.uuid,
      vip_id: this.vipId,
      state: this.state(listeners.length, error),
      listeners,
      ...(error === undefined ? {} : { error }),
      ...(this.hidden && this.serves ? { down: true } : {}),
      connections: this.connections.length,
    };
  }

  private state(open: number, error: PlacementError | undefined): PlacementStatus['state'] {
    const { length } = this.connections;
    if (error !== undefined) return 'failed';
    if (this.draining) {
      if (length > 0) return 'draining';
      return this.spec === null || this.spec.state === 'drain' ? 'drained' : 'prepared';
    }
    if (open > 0 || (this.hidden && this.serves)) return 'active';
    return 'prepared';
  }
}
