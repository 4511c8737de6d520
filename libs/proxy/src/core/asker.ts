import type { Message } from '../http/message.js';
import type { Known } from '../persistence/persistence.js';
import type { Ends, TlsFacts } from './connection.js';
import type { ServerRuntime } from './server.js';

/** Connections that somebody has to servers already, and may use for what is asked. */
export interface KeptLinks {
  keeps(server: ServerRuntime): boolean;
}

/**
 * Who wants a server, for the pool that is asked: persistence goes by it. There is one per worker (`asker`), filled
 * anew for each question; nobody keeps it. What costs something to find out is found out when it is asked for.
 */
export class Asker {
  /** Hash of what belongs together, for the algorithm; 0 where the pool does not ask. */
  key = 0;
  tls: TlsFacts | null = null;
  /** The request; null at L4, and when a request is sent again and its head is gone. */
  message: Message | null = null;
  /** What persistence knows of the client; filled by the pool that is asked, where it has persistence. */
  known: Known | null = null;
  /** What needs no new connection, and so no place where these are limited; null for nothing. */
  kept: KeptLinks | null = null;
  /** One that belongs to a server which is full rather waits than that it goes to another one. */
  patient = false;
  private ends!: Ends;
  private believed: string | null = null;
  private listener!: Pick<Ends, 'localPort'>;

  /** The client's address, as the PROXY protocol or the application profile believes it. */
  get address(): string {
    return this.believed ?? this.ends.remoteAddress;
  }

  get port(): number {
    return this.ends.remotePort;
  }

  /** The port of the virtual service that the client came to, whatever the PROXY protocol says. */
  get servicePort(): number {
    return this.listener.localPort;
  }

  /** The client of a connection, or of a flow of datagrams. */
  of(ends: Ends, listener: Pick<Ends, 'localPort'>, tls: TlsFacts | null, key: number): this {
    this.ends = ends;
    this.listener = listener;
    this.tls = tls;
    this.key = key;
    this.believed = null;
    this.message = null;
    this.known = null;
    this.kept = null;
    this.patient = false;
    return this;
  }

  /** Set it after `of`. */
  keptBy(links: KeptLinks): this {
    this.kept = links;
    return this;
  }

  /** @param believed the client's address where other proxies have told it; null: that of the connection */
  withRequest(message: Message | null, believed: string | null): this {
    this.message = message;
    this.believed = believed;
    return this;
  }
}

export const asker = new Asker();
