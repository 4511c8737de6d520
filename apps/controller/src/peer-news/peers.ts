import type { DataSource } from 'typeorm';

/** An SE on which a virtual service is placed. */
export interface Peer {
  readonly seUuid: string;
  /** To any replica of the controller. */
  readonly connected: boolean;
}

const PEERS = `
SELECT p.se_uuid, bool_or(p."primary") AS first, coalesce(bool_or(r.connected), false) AS connected
FROM placement p LEFT JOIN se_runtime r ON r.se_uuid = p.se_uuid
WHERE p.vs_uuid = $1 GROUP BY p.se_uuid ORDER BY first DESC, p.se_uuid`;

/** What was read is good for so many milliseconds: news are hints, and who joins asks. */
const FRESH = 500;
const MOST_KEPT = 4096;

/** Who serves a virtual service, the primary first. */
export class Peers {
  readonly #known = new Map<string, { at: number; peers: Promise<readonly Peer[]> }>();

  constructor(private readonly dataSource: DataSource) {}

  of(virtualServiceUuid: string): Promise<readonly Peer[]> {
    const known = this.#known.get(virtualServiceUuid);
    if (known !== undefined && Date.now() - known.at < FRESH) return known.peers;
    this.#known.delete(virtualServiceUuid);
    const oldest = this.#known.keys().next();
    if (this.#known.size >= MOST_KEPT && oldest.done !== true) this.#known.delete(oldest.value);
    const peers = this.#read(virtualServiceUuid);
    this.#known.set(virtualServiceUuid, { at: Date.now(), peers });
    peers.catch(() => this.#known.delete(virtualServiceUuid));
    return peers;
  }

  /** Somebody joins: what was read may not hold any more. */
  forget(virtualServiceUuid: string): void {
    this.#known.delete(virtualServiceUuid);
  }

  async #read(virtualServiceUuid: string): Promise<readonly Peer[]> {
    const rows: { se_uuid: string; connected: boolean }[] = await this.dataSource.query(PEERS, [
      virtualServiceUuid,
    ]);
    return rows.map((r) => ({ seUuid: r.se_uuid, connected: r.connected }));
  }
}
