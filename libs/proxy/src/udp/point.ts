import type { Service, UdpProfile } from '@spillway/snapshot';
import { REFUSED_BY, VS } from '@spillway/telemetry';
import { applicationOf, type Point } from '../core/point.js';
import type { PlacementRuntime } from '../core/placement.js';
import type { PlaneContext } from '../core/context.js';
import { mayConnect } from '../limits/network-gate.js';
import { BindError, type DatagramHandler, type DatagramListener } from '../transport/seam.js';
import { UdpFlow } from './flow.js';
import type { FlowHash } from './flow-table.js';
import { MOST_HOPS } from './passing.js';
import type { FlowGroup, PassedHandler } from './sharing.js';

/**
 * An address and port that takes datagrams. The first one of a client makes a flow; while it is live all datagrams of
 * that client belong to it, in whichever worker of whichever SE it is.
 */
export class UdpPoint implements Point, DatagramHandler, PassedHandler {
  error: BindError | null = null;
  private listener: DatagramListener | null = null;
  private group: FlowGroup | null = null;
  /** No new flow is taken; what is left lives on. */
  private leaving = false;
  /** By address, then port, of the client. */
  private readonly flows = new Map<string, Map<number, UdpFlow>>();
  private flowCount = 0;
  private readonly hash: FlowHash = { cell: 0, tag: 0 };

  constructor(
    readonly placement: PlacementRuntime,
    readonly context: PlaneContext,
    readonly address: string,
    readonly port: number,
    public service: Service,
  ) {}

  get isOpen(): boolean {
    return this.listener !== null && !this.leaving;
  }

  get boundPort(): number {
    return this.listener?.port ?? 0;
  }

  async open(): Promise<void> {
    this.leaving = false;
    if (this.listener === null) {
      await this.join();
      this.listener = await this.context.transport.listenDatagrams(this.address, this.port, this);
      this.group?.points.set(this.listener.port, this);
    }
    if (this.leftMeanwhile()) this.close();
    else this.group?.takesNew(this, true);
  }

  private leftMeanwhile(): boolean {
    return this.leaving;
  }

  tune(): void {}

  /** Takes no new flow. True when nothing is left and it is closed; else it closes itself with its last flow. */
  leave(): boolean {
    this.leaving = true;
    this.group?.takesNew(this, false);
    if (this.flowCount > 0) return false;
    this.close();
    return true;
  }

  onDatagram(data: Uint8Array, start: number, end: number, address: string, port: number): void {
    const flow = this.flows.get(address)?.get(port);
    if (flow !== undefined) flow.fromClient(data, start, end);
    else this.unknown(data, start, end, address, port, 0);
  }

  onPassed(data: Uint8Array, start: number, end: number, address: string, port: number, hops: number): void {
    const flow = this.flows.get(address)?.get(port);
    if (flow !== undefined) flow.fromClient(data, start, end);
    else this.unknown(data, start, end, address, port, hops);
  }

  /** Sockets for everybody report nothing that concerns a single flow. */
  onError(): void {}

  onBuried(): void {
    for (const flow of this.allFlows()) {
      if (flow.shared !== null && this.group?.claim(flow.shared, 0) === false) flow.kill();
    }
  }

  answer(data: Uint8Array, start: number, end: number, address: string, port: number): void {
    if (this.listener?.send(data, start, end, address, port) === true) this.count(VS.BYTES_OUT, end - start);
    else this.count(VS.DATAGRAMS_DROPPED, 1);
  }

  count(counter: number, by: number): void {
    this.context.f64[this.placement.service.counters + counter]! += by;
  }

  /** A flow has got its server: whoever inherits the flow goes on with the same. */
  chosen(flow: UdpFlow, hint: number): void {
    if (flow.shared !== null) this.group?.setHint(flow.shared, hint);
  }

  /** A flow has ended. */
  over(flow: UdpFlow): void {
    const ports = this.flows.get(flow.address);
    if (ports?.get(flow.port) !== flow) return;
    ports.delete(flow.port);
    if (ports.size === 0) this.flows.delete(flow.address);
    this.flowCount--;
    this.context.flows.count--;
    if (flow.shared !== null) this.group?.release(flow.shared);
    this.placement.remove(flow);
    if (this.leaving && this.flowCount === 0) {
      this.close();
      this.placement.pointLeft(this);
    }
  }

  /** The first datagram of a flow here: a new one, or another worker's. */
  private unknown(
    data: Uint8Array,
    start: number,
    end: number,
    address: string,
    port: number,
    hops: number,
  ): void {
    const { group } = this;
    if (group !== null) {
      const { port: localPort } = this.listener!;
      group.hash(address, port, localPort, this.hash);
      const elsewhere = this.leaving ? group.find(this.hash) : !group.claim(this.hash, 0);
      if (elsewhere && hops < MOST_HOPS) {
        group.pass(data, start, end, address, port, localPort, hops + 1);
        return;
      }
    }
    if (this.leaving) this.count(VS.DATAGRAMS_DROPPED, 1);
    else this.take(address, port)?.fromClient(data, start, end);
  }

  /** A new flow; null where this worker has as many as it can. */
  private take(address: string, port: number): UdpFlow | null {
    if (this.context.flows.count >= this.context.flows.most || !this.admits(address, port)) {
      this.count(VS.DATAGRAMS_DROPPED, 1);
      if (this.group !== null) this.group.release(this.hash);
      return null;
    }
    const { group } = this;
    const flow = new UdpFlow(this, address, port, this.profile(), group?.table.inherited ?? 0);
    if (group !== null) flow.shared = { ...this.hash };
    let ports = this.flows.get(address);
    if (ports === undefined) this.flows.set(address, (ports = new Map()));
    ports.set(port, flow);
    this.flowCount++;
    this.context.flows.count++;
    return flow;
  }

  /** A flow is to policy and limits of its virtual service what a connection is elsewhere. */
  private admits(address: string, port: number): boolean {
    const { service } = this.placement;
    const { limits, network } = service.config;
    const ends = {
      remoteAddress: address,
      remotePort: port,
      localAddress: this.address,
      localPort: this.boundPort,
    };
    if (network !== null && !mayConnect(this.context, network, ends)) {
      service.refused(REFUSED_BY.POLICY);
      return false;
    }
    return limits === null || limits.admit(service, address) === 'admitted';
  }

  private profile(): UdpProfile {
    const application = applicationOf(this.placement.service.config.spec, this.service);
    return application.type === 'udp' ? application.udp : { idle_timeout: 10_000, per_datagram: false };
  }

  private async join(): Promise<void> {
    const { sharing } = this.context.flows;
    if (sharing === null || this.group !== null) return;
    try {
      this.group = await sharing.join(`${this.placement.service.uuid} ${this.address}`);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN';
      throw new BindError(code, this.address, this.port);
    }
  }

  private close(): void {
    const { listener, group } = this;
    this.listener = null;
    this.group = null;
    listener?.close();
    if (group === null) return;
    if (listener !== null) group.points.delete(listener.port);
    this.context.flows.sharing?.leave(group);
  }

  private allFlows(): UdpFlow[] {
    return [...this.flows.values()].flatMap((ports) => [...ports.values()]);
  }
}
