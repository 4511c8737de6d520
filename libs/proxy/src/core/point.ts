import type { Service, VirtualService } from '@spillway/snapshot';
import type {
  Acceptor,
  BindError,
  Listener,
  Socket,
  SocketHandler,
  SocketOptions,
} from '../transport/seam.js';
import type { PlacementRuntime } from './placement.js';
import type { PlaneContext } from './context.js';

/** An address and port of a virtual service, and what listens there. */
export interface Point {
  readonly address: string;
  readonly port: number;
  /** What is served here under the running configuration. */
  service: Service;
  /** Why it could not be opened. */
  error: BindError | null;
  /** New connections or flows are taken. */
  readonly isOpen: boolean;
  /** The port in use, where `port` is 0. */
  readonly boundPort: number;
  /** @throws {BindError} */
  open(): Promise<void>;
  /** Brings in what the running configuration asks of TCP. */
  tune(): void;
  /** Takes nothing new. True when nothing is left; else `PlacementRuntime.pointLeft` follows. */
  leave(): boolean;
}

/** What a port carries: its own word counts before that of its virtual service. */
export const applicationOf = (vs: VirtualService, service: Service): VirtualService['application'] =>
  service.application ?? vs.application;

const UNTUNED: SocketOptions = { nagle: false, dscp: 0, maxSegment: 0 };

/** A listener for connections. */
export class TcpPoint implements Point, Acceptor {
  error: BindError | null = null;
  private listener: Listener | null = null;
  private left = false;
  private tuned: SocketOptions | null = null;

  constructor(
    private readonly placement: PlacementRuntime,
    private readonly context: PlaneContext,
    readonly address: string,
    readonly port: number,
    public service: Service,
  ) {}

  get isOpen(): boolean {
    return this.listener !== null;
  }

  get boundPort(): number {
    return this.listener?.port ?? 0;
  }

  async open(): Promise<void> {
    const listener = await this.context.transport.listen(this.address, this.port, this);
    if (this.left) listener.close();
    else this.listener = listener;
    this.tune();
  }

  tune(): void {
    const { options } = this.placement.service.config;
    if (options === this.tuned) return;
    this.tuned = options;
    this.listener?.tune(options ?? UNTUNED);
  }

  /** Connections do not need their listener. */
  leave(): boolean {
    this.left = true;
    this.listener?.close();
    this.listener = null;
    return true;
  }

  accept(socket: Socket): SocketHandler | null {
    return this.placement.accept(socket, this.service);
  }
}
