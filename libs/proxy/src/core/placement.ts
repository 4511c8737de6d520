import type { Placement, Service } from '@spillway/snapshot';
import { CLOSED_BY } from '@spillway/telemetry';
import type { PlacementError, PlacementStatus } from '../api.js';
import {
  BindError,
  type Acceptor,
  type Listener,
  type Socket,
  type SocketHandler,
} from '../transport/seam.js';
import { Timed } from './clock.js';
import type { ClientConnection } from './connection.js';
import type { PlaneContext } from './context.js';
import type { Layer } from './layers.js';
import type { ServiceRuntime } from './service.js';

/** An address and port that is listened on. */
class Point implements Acceptor {
  listener: Listener | null = null;
  error: BindError | null = null;

  constructor(
    private readonly placement: PlacementRuntime,
    readonly address: string,
    readonly port: number,
    /** What is served here under the running configuration. */
    public service: Service,
  ) {}

  accept(socket: Socket): SocketHandler {
    return this.placement.accept(socket, this.service);
  }
}

interface Wanted {
  readonly address: string;
  readonly port: number;
  readonly service: Service;
}

/**
 * One virtual service on one of its VIPs: its listeners and its client connections. Listeners are opened and closed
 * by difference only; a drain counts down to the reset of what is left.
 */
export class PlacementRuntime extends Timed {
  /** No listener is open, or will be soon: each response says that its connection closes. */
  draining = false;
  readonly connections: ClientConnection[] = [];
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

  accept(socket: Socket, service: Service): SocketHandler {
    return this.first(this.context, socket, this, service, null);
  }

  add(connection: ClientConnection): void {
    connection.place = this.connections.length;
    this.connections.push(connection);
    this.service.connected();
    // Accepted while its listener was being closed: it counts as one that was there before.
    if (this.draining) this.dirty = true;
  }

  /** `next` is the same connection in its next layer. */
  replace(before: ClientConnection, next: ClientConnection): void {
    next.place = before.place;
    before.place = -1;
    if (next.place >= 0) this.connections[next.place] = next;
    this.context.clock.forget(before);
  }

  remove(connection: ClientConnection): void {
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

  /** Addresses and ports that should be listened on under the running configuration. */
  private wanted(): Map<string, Wanted> {
    const wanted = new Map<string, Wanted>();
    const { spec } = this.service.config;
    if (this.draining || this.spec?.state !== 'active' || !spec.enabled) return wanted;
    for (const vip of spec.vips) {
      if (vip.vip_id !== this.vipId) continue;
      for (const service of spec.services)
        for (let { port } = service; port <= service.port_range_end; port++)
          wanted.set(`${vip.address} ${port}`, { address: vip.address, port, service });
    }
    return wanted;
  }

  /** What the listeners were last brought in line with; they need no look while it stays the same. */
  private settledFor: { service: unknown; state: unknown; draining: boolean } | null = null;

  /** Nothing is to be opened or closed. */
  get settled(): boolean {
    const { settledFor } = this;
    return (
      settledFor !== null &&
      settledFor.service === this.service.config.spec &&
      settledFor.state === this.spec?.state &&
      settledFor.draining === this.draining
    );
  }

  /** Opens what is wanted and not open; what fails is remembered and tried again at the next call. */
  async open(): Promise<void> {
    for (const [key, { address, port, service }] of this.wanted()) {
      const point = this.points.get(key) ?? new Point(this, address, port, service);
      this.points.set(key, point);
      point.service = service;
      if (point.listener !== null) continue;
      try {
        const listener = await this.context.transport.listen(address, port, point);
        // The wish may have passed while the system was asked.
        if (this.points.get(key) === point && this.wanted().has(key)) point.listener = listener;
        else listener.close();
        point.error = null;
        this.dirty = true;
      } catch (error) {
        const failure = error instanceof BindError ? error : new BindError('EUNKNOWN', address, port);
        if (point.error?.code !== failure.code) this.dirty = true;
        point.error = failure;
      }
    }
  }

  /** Closes what is open and not wanted. */
  closeUnwanted(): void {
    const wanted = this.wanted();
    for (const [key, point] of this.points) {
      if (wanted.has(key)) continue;
      point.listener?.close();
      this.points.delete(key);
      this.dirty = true;
    }
    const open = wanted.size === this.points.size && !this.failed;
    this.settledFor = open
      ? { service: this.service.config.spec, state: this.spec?.state, draining: this.draining }
      : null;
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
    for (const connection of this.connections) {
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
    for (const { address, port, listener, error: e } of this.points.values()) {
      if (listener !== null) listeners.push({ address, port: listener.port });
      else if (e !== null) error ??= { code: e.code, address, port, message: e.message };
    }
    return {
      virtual_service_uuid: this.service.uuid,
      vip_id: this.vipId,
      state: this.state(listeners.length, error),
      listeners,
      ...(error === undefined ? {} : { error }),
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
    if (open > 0) return 'active';
    return 'prepared';
  }
}
