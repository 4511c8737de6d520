import type { Transport } from '../transport/seam.js';

/** What one connection holds of the memory of its worker. */
export interface Holder {
  /** Bytes that wait: in its sockets, for a head, for a second try. */
  heldBytes(): number;
  /** As of the last look: one that holds the same again has not moved. */
  heldBefore: number;
  /** The address that its share is counted for. */
  readonly holderAddress: string;
  /** Gives up everything, at once. */
  shed(): void;
}

/** Bytes that may wait in one worker, where nobody says. */
const MOST_BYTES = 256 * 2 ** 20;
/** Sockets, where nobody says. */
const MOST_SOCKETS = 1_000_000;
/** Sockets that are left to connections to servers when no more clients are taken: a quarter, 1,024 at most. */
const SHARE_FOR_SERVERS = 1 / 4;
const MOST_FOR_SERVERS = 1024;
/** Part of the budget that the connections of one client address may hold once half of it is used. */
const CLIENT_SHARE = 1 / 4;
/** Shedding ends here, so that it does not begin again at once. */
const CALM = 0.8;

/**
 * The memory that a worker spends on peers that are slow: bounded over all connections, whatever each of them may hold.
 * Looked at on every tick; in between no more can come than the network brings in that time.
 */
export class Budget {
  /** Nothing new is begun: connections are refused, requests answered with 503. */
  exceeded = false;
  /** Bytes at the last look. */
  used = 0;
  shedCount = 0;

  constructor(
    private readonly transport: Transport,
    readonly most = MOST_BYTES,
    readonly mostSockets = MOST_SOCKETS,
    /** Sockets that the transport does not know of. */
    private readonly otherSockets: () => number = () => 0,
  ) {}

  /** Descriptors are left for one connection more, and for servers: those who are there already may need some too. */
  get hasDescriptors(): boolean {
    const forServers = Math.min(MOST_FOR_SERVERS, this.mostSockets * SHARE_FOR_SERVERS);
    return this.transport.openSockets() + this.otherSockets() < this.mostSockets - forServers;
  }

  /** Something was queued: what is over the budget already must not wait for the next look to stop growing. */
  note(): void {
    if (this.transport.queuedBytes() > this.most) this.exceeded = true;
  }

  /** Adds up what is held and ends connections where that is too much. Call it on every tick. */
  look(holders: Iterable<Holder>): void {
    let used = 0;
    for (const holder of holders) used += holder.heldBytes();
    this.used = Math.max(used, this.transport.queuedBytes());
    if (this.used > this.most / 2) this.shed([...holders]);
    else {
      this.exceeded = false;
      if (this.used > this.most / 4) for (const holder of holders) holder.heldBefore = holder.heldBytes();
    }
  }

  private shed(holders: readonly Holder[]): void {
    const rows = holders
      .map((holder) => ({
        holder,
        held: holder.heldBytes(),
        stuck: holder.heldBytes() === holder.heldBefore,
      }))
      .filter(({ held }) => held > 0)
      // Those that have not moved first, and of these the largest.
      .sort((a, b) => (a.stuck === b.stuck ? b.held - a.held : a.stuck ? -1 : 1));
    const byClient = new Map<string, number>();
    for (const { holder, held } of rows)
      byClient.set(holder.holderAddress, (byClient.get(holder.holderAddress) ?? 0) + held);
    const over = this.used > this.most;
    for (const { holder, held } of rows) {
      const share = byClient.get(holder.holderAddress)!;
      holder.heldBefore = held;
      if (!(over && this.used > this.most * CALM) && share <= this.most * CLIENT_SHARE) continue;
      byClient.set(holder.holderAddress, share - held);
      this.used -= held;
      this.shedCount++;
      holder.shed();
    }
    this.exceeded = this.used > this.most * CALM;
  }
}
