import { createSocket, type Socket } from 'node:dgram';
import { type FaultCounters, type FaultProxy, type FaultProxySpec, type Faults, noFaults } from './faults.js';

/** A UDP fault proxy: one upstream socket for each client address and port. */
export class UdpFaultProxy implements FaultProxy {
  #socket: Socket | undefined;
  readonly #faults: Faults;
  readonly #counters: FaultCounters = {
    connections: 0,
    open: 0,
    bytesUp: 0,
    bytesDown: 0,
    dropped: 0,
    resets: 0,
  };
  readonly #flows = new Map<string, Socket>();
  #port: number;

  private constructor(private readonly spec: FaultProxySpec) {
    this.#faults = { ...noFaults, ...spec.faults };
    this.#port = spec.port ?? 0;
  }

  static async start(spec: FaultProxySpec): Promise<UdpFaultProxy> {
    const proxy = new UdpFaultProxy(spec);
    await proxy.comeBack();
    return proxy;
  }

  get host(): string {
    return this.spec.host ?? '127.0.0.1';
  }

  get port(): number {
    return this.#port;
  }

  async set(faults: Partial<Faults>): Promise<void> {
    Object.assign(this.#faults, faults);
  }

  async counters(): Promise<FaultCounters> {
    return { ...this.#counters, open: this.#flows.size };
  }

  async reset(): Promise<void> {
    this.#counters.resets += this.#flows.size;
    for (const flow of this.#flows.values()) flow.close();
    this.#flows.clear();
  }

  async refuse(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    await new Promise<void>((resolve) => {
      socket.close(() => resolve());
    });
  }

  async comeBack(): Promise<void> {
    if (this.#socket) return;
    const socket = createSocket(family(this.host));
    socket.on('message', (data, { address, port }) => this.#fromClient(data, address, port));
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(this.#port, this.host, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    this.#port = socket.address().port;
    this.#socket = socket;
  }

  async stop(): Promise<void> {
    await this.refuse();
    await this.reset();
  }

  #fromClient(data: Buffer, address: string, port: number): void {
    const key = `${address}|${port}`;
    let flow = this.#flows.get(key);
    if (!flow) {
      flow = createSocket(family(this.spec.target.host));
      this.#flows.set(key, flow);
      this.#counters.connections++;
      // An ICMP refusal of the target is loss, as it is for a client behind a network.
      flow.on('error', () => this.#counters.dropped++);
      flow.on('message', (reply) =>
        this.#pass(reply, () => {
          this.#counters.bytesDown += reply.length;
          this.#socket?.send(reply, port, address);
        }),
      );
    }
    const upstream = flow;
    this.#pass(data, () => {
      if (this.#flows.get(key) !== upstream) return;
      this.#counters.bytesUp += data.length;
      upstream.send(data, this.spec.target.port, this.spec.target.host);
    });
  }

  #pass(_data: Buffer, send: () => void): void {
    const { blackhole, loss, delay } = this.#faults;
    if (blackhole || Math.random() < loss) {
      this.#counters.dropped++;
      return;
    }
    if (delay > 0) setTimeout(send, delay);
    else send();
  }
}

function family(host: string): 'udp4' | 'udp6' {
  return host.includes(':') ? 'udp6' : 'udp4';
}
