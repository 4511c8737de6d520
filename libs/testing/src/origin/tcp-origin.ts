import { createServer, type Server, type Socket } from 'node:net';
import {
  normalBehaviour,
  type Origin,
  type OriginBehaviour,
  type OriginCounters,
  type OriginSpec,
  zeroCounters,
} from './behaviour.js';
import { Listener } from './listener.js';

/** A TCP origin that sends back every byte; half-close is answered by half-close. */
export class TcpEchoOrigin implements Origin {
  readonly kind = 'tcp';
  readonly name: string;
  readonly #server: Server;
  readonly #listener: Listener;
  readonly #counters = zeroCounters();
  readonly #behaviour: OriginBehaviour;

  private constructor(private readonly spec: OriginSpec) {
    this.name = spec.name;
    this.#behaviour = { ...normalBehaviour, ...spec.behaviour };
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#connection(socket));
    this.#listener = new Listener(this.#server, spec.host ?? '127.0.0.1', spec.port ?? 0, this.#counters);
  }

  static async start(spec: OriginSpec): Promise<TcpEchoOrigin> {
    const origin = new TcpEchoOrigin(spec);
    await origin.#listener.listen();
    return origin;
  }

  get host(): string {
    return this.#listener.host;
  }

  get port(): number {
    return this.#listener.port;
  }

  async set(behaviour: Partial<OriginBehaviour>): Promise<void> {
    Object.assign(this.#behaviour, behaviour);
  }

  async counters(): Promise<OriginCounters> {
    return this.#listener.readCounters();
  }

  async goAway(connections: 'keep' | 'close' | 'reset' = 'reset'): Promise<void> {
    this.#listener.goAway(connections);
  }

  async comeBack(): Promise<void> {
    if (!this.#listener.listening) await this.#listener.listen();
  }

  async resetConnections(): Promise<void> {
    this.#listener.resetAll();
  }

  #connection(socket: Socket): void {
    if (this.#behaviour.respond === 'reset') {
      this.#counters.resets++;
      socket.resetAndDestroy();
      return;
    }
    if (this.spec.banner) socket.write(`${this.name}\n`);
    socket.on('data', (chunk: Buffer) => {
      this.#counters.bytes += chunk.length;
      const { respond, delay } = this.#behaviour;
      if (respond === 'hang') return;
      if (delay > 0) setTimeout(() => socket.write(chunk), delay);
      else if (!socket.write(chunk)) {
        socket.pause();
        socket.once('drain', () => socket.resume());
      }
    });
    socket.on('end', () => {
      if (this.#behaviour.delay > 0) setTimeout(() => socket.end(), this.#behaviour.delay);
      else socket.end();
    });
  }
}
