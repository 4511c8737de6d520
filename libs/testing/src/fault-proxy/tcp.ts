import { connect, createServer, type Server, type Socket } from 'node:net';
import { type FaultCounters, type FaultProxy, type FaultProxySpec, type Faults, noFaults } from './faults.js';

const TICK = 10;

/** One direction of one connection: what came, when it may leave, and how much of it at a time. */
class Direction {
  readonly #held: { bytes: Buffer; due: number }[] = [];
  #heldBytes = 0;
  #ended = false;
  #endPassed = false;
  #budget = 0;
  #lastTick = performance.now();

  constructor(
    private readonly faults: Faults,
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly passed: (bytes: number) => void,
  ) {
    from.on('data', (chunk: Buffer) => {
      this.#held.push({ bytes: chunk, due: performance.now() + faults.delay });
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > 1024 * 1024) from.pause();
      this.flush();
    });
    from.on('end', () => {
      this.#ended = true;
      this.flush();
    });
  }

  /** Passes on what is due. */
  flush(): void {
    const at = performance.now();
    const { throttle, blackhole, halfOpen } = this.faults;
    // The budget of at most a tenth of a second, so that a pause is not followed by a burst.
    this.#budget = Math.min(throttle / 10, this.#budget + (throttle * (at - this.#lastTick)) / 1000);
    this.#lastTick = at;
    if (blackhole) return;
    while (this.#held.length > 0 && this.#held[0]!.due <= at) {
      const { bytes } = this.#held[0]!;
      const size = throttle === 0 ? bytes.length : Math.min(bytes.length, Math.floor(this.#budget));
      if (size === 0) return;
      // Without a throttle nothing is owed when one comes: a negative budget would not hold anything back.
      if (throttle > 0) this.#budget -= size;
      this.#heldBytes -= size;
      if (size === bytes.length) this.#held.shift();
      else this.#held[0]!.bytes = bytes.subarray(size);
      if (this.to.writable) this.to.write(bytes.subarray(0, size));
      this.passed(size);
    }
    if (this.#heldBytes <= 512 * 1024) this.from.resume();
    if (this.#ended && this.#held.length === 0 && !this.#endPassed && !halfOpen) {
      this.#endPassed = true;
      this.to.end();
    }
  }
}

/** A TCP fault proxy. */
export class TcpFaultProxy implements FaultProxy {
  readonly #server: Server;
  readonly #faults: Faults;
  readonly #counters: FaultCounters = {
    connections: 0,
    open: 0,
    bytesUp: 0,
    bytesDown: 0,
    dropped: 0,
    resets: 0,
  };
  readonly #clients = new Set<Socket>();
  readonly #servers = new Set<Socket>();
  readonly #directions = new Set<Direction>();
  readonly #timer: NodeJS.Timeout;
  #port: number;

  private constructor(private readonly spec: FaultProxySpec) {
    this.#faults = { ...noFaults, ...spec.faults };
    this.#port = spec.port ?? 0;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    this.#timer = setInterval(() => {
      for (const direction of this.#directions) direction.flush();
    }, TICK);
  }

  static async start(spec: FaultProxySpec): Promise<TcpFaultProxy> {
    const proxy = new TcpFaultProxy(spec);
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
    for (const direction of this.#directions) direction.flush();
  }

  async counters(): Promise<FaultCounters> {
    return { ...this.#counters, open: this.#clients.size };
  }

  async reset(): Promise<void> {
    this.#counters.resets += this.#clients.size;
    for (const socket of [...this.#clients, ...this.#servers]) socket.resetAndDestroy();
  }

  async refuse(): Promise<void> {
    if (this.#server.listening) this.#server.close();
  }

  async comeBack(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: this.host, port: this.#port }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    const address = this.#server.address();
    if (address && typeof address === 'object') this.#port = address.port;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.refuse();
    for (const socket of [...this.#clients, ...this.#servers]) socket.destroy();
  }

  #accept(client: Socket): void {
    this.#counters.connections++;
    client.on('error', () => client.destroy());
    if (this.#faults.accept === 'reset') {
      this.#counters.resets++;
      client.resetAndDestroy();
      return;
    }
    this.#clients.add(client);
    if (this.#faults.accept === 'hang') {
      client.resume();
      client.once('close', () => this.#clients.delete(client));
      return;
    }
    const server = connect({ ...this.spec.target, allowHalfOpen: true, noDelay: true });
    this.#servers.add(server);
    const up = new Direction(this.#faults, client, server, (n) => (this.#counters.bytesUp += n));
    const down = new Direction(this.#faults, server, client, (n) => (this.#counters.bytesDown += n));
    this.#directions.add(up).add(down);
    const pair = [client, server] as const;
    for (const [socket, peer] of [pair, [server, client] as const]) {
      let failed = false;
      socket.on('error', () => (failed = true));
      socket.once('close', () => {
        if (!this.#faults.halfOpen && failed) peer.resetAndDestroy();
        this.#clients.delete(socket);
        this.#servers.delete(socket);
        if (client.destroyed && server.destroyed) {
          this.#directions.delete(up);
          this.#directions.delete(down);
        }
      });
    }
  }
}
