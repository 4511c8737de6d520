import { ClientConnection } from '../http/connection.js';
import { patternBytes } from '../http/pattern.js';
import { connectionOwners } from '../process/socket-owner.js';
import type { ClientsConfig } from './config.js';
import type { Ledger, Ticket, TrackedConnection } from './ledger.js';
import type { Pacer } from './pacer.js';

const OWNER_INTERVAL = 150;

/** What the clients of a group share. */
export class ClientContext {
  stopping = false;
  /** Lines of streams and pings of tunnels that came back. */
  messages = 0;
  /** The longest time (ms) that an established long-lived connection was silent although it should not be. */
  maxSilence = 0;
  established = 0;
  readonly body: Buffer | undefined;
  readonly #open = new Set<TrackedConnection>();
  #roots: Readonly<Record<string, number>> = {};
  #owners: NodeJS.Timeout | undefined;

  constructor(
    readonly config: ClientsConfig,
    readonly ledger: Ledger,
    readonly pacer: Pacer,
  ) {
    const { bodyBytes } = config.request ?? {};
    this.body = bodyBytes === undefined ? undefined : patternBytes(bodyBytes);
  }

  /** Opens a connection for the request. @throws RequestFailure */
  async open(ticket: Ticket): Promise<TrackedConnection> {
    const { host, port, connectTimeout } = this.config;
    const connection = await ClientConnection.open({
      host,
      port,
      ...(connectTimeout !== undefined && { connectTimeout }),
    });
    const tracked = this.ledger.opened(ticket, connection);
    if (this.stopping) connection.reset();
    else this.#open.add(tracked);
    return tracked;
  }

  /** The connection is of no more use: forget it, and close it if it stands. */
  done(tracked: TrackedConnection): void {
    this.#open.delete(tracked);
    if (tracked.connection.ended === 'open') tracked.connection.close();
  }

  get openConnections(): TrackedConnection[] {
    return [...this.#open].filter((t) => t.connection.ended === 'open');
  }

  /** SEs by the pid of their supervisor: from now on long-lived connections are attributed by looking at the kernel's tables. */
  setServiceEngines(roots: Readonly<Record<string, number>>): void {
    this.#roots = roots;
    this.attribute();
    this.#owners ??= setInterval(() => this.attribute(), OWNER_INTERVAL);
  }

  /** Finds the SE of each open connection that has none yet. */
  attribute(): void {
    const unknown = this.openConnections.filter((t) => t.se === undefined);
    if (unknown.length === 0 || Object.keys(this.#roots).length === 0) return;
    const owners = connectionOwners(this.config.host, this.config.port, this.#roots);
    for (const tracked of unknown) {
      const se = owners.get(tracked.connection.localPort);
      if (se !== undefined) this.ledger.served(tracked, se);
    }
  }

  /** Ends everything that is open, by RST. */
  close(): void {
    clearInterval(this.#owners);
    for (const { connection } of this.#open) if (connection.ended === 'open') connection.reset();
    this.#open.clear();
  }
}
