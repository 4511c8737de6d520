import type { ServiceLimits as Spec, ServiceRate } from '@spillway/snapshot';
import { REFUSED_BY } from '@spillway/telemetry';
import type { PlaneContext } from '../core/context.js';
import type { ServiceRuntime } from '../core/service.js';
import type { CloseReason, Socket, SocketHandler } from '../transport/seam.js';
import { NamedRate } from './rates.js';

/** What the limits say to a new connection. */
export type Admission = 'admitted' | 'reset' | 'close';

/** The limits of a virtual service that meet its connections, under one configuration. */
export class ServiceLimits {
  /** Connections at a time here; 0 is without limit. */
  private readonly most: number;
  private readonly rates: readonly { readonly spec: ServiceRate; readonly rate: NamedRate }[];

  constructor(
    private readonly context: PlaneContext,
    uuid: string,
    spec: Spec,
    sharers: number,
  ) {
    this.most =
      spec.max_connections === undefined ? 0 : Math.max(1, Math.floor(spec.max_connections / sharers));
    this.rates = spec.rates
      .filter((rate) => rate.of === 'connections')
      .map((rate) => ({
        spec: rate,
        rate: new NamedRate(context.rates, `${uuid} ${rate.name}`, rate, sharers),
      }));
  }

  /**
   * Whether a client may connect. An admitted connection has its place in the count of the service: it must be made
   * (`service.connected`) before anything else happens.
   * @param address of the client; null while that is not known, see `admitClient`
   */
  admit(service: ServiceRuntime, address: string | null): Admission {
    const now = this.rates.length > 0 ? this.context.transport.now() : 0;
    for (const { spec, rate } of this.rates) {
      if (spec.per_client && address === null) continue;
      if (rate.take(spec.per_client ? address! : '', now) || spec.exceeded.type === 'none') continue;
      service.refused(REFUSED_BY.RATE_LIMIT);
      return spec.exceeded.type === 'close' ? 'close' : 'reset';
    }
    if (this.most === 0 || service.tryConnect(this.most)) return 'admitted';
    service.refused(REFUSED_BY.CONNECTION_LIMIT);
    return 'reset';
  }

  /** For a connection that was admitted before its client was known: whether that client may have it. */
  admitClient(service: ServiceRuntime, address: string): boolean {
    const now = this.context.transport.now();
    for (const { spec, rate } of this.rates) {
      if (!spec.per_client || rate.take(address, now) || spec.exceeded.type === 'none') continue;
      service.refused(REFUSED_BY.RATE_LIMIT);
      return false;
    }
    return true;
  }
}

/** A connection that is not taken, but ended in order; it counts for nothing. */
export class RefusedConnection implements SocketHandler {
  constructor(private readonly socket: Socket) {}

  /** Call once the socket knows its handler. */
  run(): void {
    this.socket.close();
  }

  onOpen(): void {}
  onData(): void {}
  onDrain(): void {}
  onEnd(): void {}
  onClose(_reason: CloseReason): void {}
}
