import { Server, type Socket } from 'node:net';
import type { OriginCounters } from './behaviour.js';

/** The listening side that both kinds of origin share: goes away, comes back, knows its connections. */
export class Listener {
  readonly #sockets = new Set<Socket>();
  #port: number;

  constructor(
    private readonly server: Server,
    readonly host: string,
    port: number,
    private readonly counters: OriginCounters,
  ) {
    this.#port = port;
    server.on('connection', (socket: Socket) => {
      counters.connections++;
      counters.openConnections++;
      counters.peakConnections = Math.max(counters.peakConnections, counters.openConnections);
      this.#sockets.add(socket);
      // A client that resets is nothing to an origin.
      socket.on('error', () => socket.destroy());
      socket.once('close', () => {
        counters.openConnections--;
        this.#sockets.delete(socket);
      });
    });
  }

  /** What was seen so far; the peak begins anew. */
  readCounters(): OriginCounters {
    const seen = { ...this.counters };
    this.counters.peakConnections = this.counters.openConnections;
    return seen;
  }

  get port(): number {
    return this.#port;
  }

  get listening(): boolean {
    return this.server.listening;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error) => reject(error);
      this.server.once('error', failed);
      this.server.listen({ host: this.host, port: this.#port, backlog: 1024 }, () => {
        this.server.off('error', failed);
        resolve();
      });
    });
    this.#port = (this.server.address() as { port: number }).port;
  }

  /** Closes the listening socket at once; returns without waiting for connections that are kept. */
  goAway(connections: 'keep' | 'close' | 'reset'): void {
    // Not http.Server's close: that would end idle connections as well, which `keep` must not.
    if (this.server.listening) Server.prototype.close.call(this.server);
    if (connections === 'keep') return;
    for (const socket of this.#sockets) {
      if (connections === 'reset') socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  resetAll(): void {
    this.counters.resets += this.#sockets.size;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}
