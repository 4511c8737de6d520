import { decodeNews, newsOf, poolTag, serverName, serverTag, type Entry } from '@spillway/persistence';
import { poolsOf, type Pool, type Snapshot } from '@spillway/snapshot';
import type { Mapping, PersistenceTable } from '@spillway/telemetry';
import type { PeerNews } from '../peer-news/peer-news.js';

const TOPIC = 'persistence';

/** What a pool with clients in the table has to do with. */
interface Followed {
  readonly poolUuid: string;
  readonly servers: ReadonlySet<string>;
  /** Virtual services that use it. */
  readonly services: Set<string>;
}

/** Clients of one pool that the table knows. */
export interface PersistenceUse {
  readonly poolUuid: string;
  readonly entries: number;
}

/** The table and who is in it. */
export interface PersistenceFacts {
  /** Clients that it has room for. */
  readonly limit: number;
  /** Clients that had to give way before their time. */
  readonly evictions: number;
  readonly pools: readonly PersistenceUse[];
}

export const NO_PERSISTENCE: PersistenceFacts = { limit: 0, evictions: 0, pools: [] };

/**
 * What the workers learn of clients is told to the other SEs of the virtual service, and what those tell is put into
 * the table. Clients of pools and servers that are gone are forgotten. Nothing is kept here: the table outlives the
 * agent.
 */
export class PersistenceBoard {
  readonly #table: PersistenceTable;
  #pools: ReadonlyMap<number, Followed> = new Map();

  /** @param now milliseconds of the clock of the table */
  constructor(
    private readonly mapping: Mapping,
    private readonly news: Pick<PeerNews, 'add' | 'publish'>,
    private readonly now: () => number,
  ) {
    this.#table = mapping.agentPersistenceTable();
    news.add(TOPIC, {
      concerns: (uuid) => [...this.#pools.values()].some((p) => p.services.has(uuid)),
      take: (uuid, items) => this.#take(uuid, items),
      all: (uuid) => this.#all(uuid),
    });
  }

  configure(snapshot: Snapshot): void {
    const before = this.#pools;
    this.#pools = followed(snapshot);
    if ([...before].every(([tag, pool]) => isWithin(pool, this.#pools.get(tag)))) return;
    this.#table.sweep((entry) => this.#poolOf(entry) === undefined, this.#seconds());
  }

  /** Tells what is new. Call it many times a second: while nothing is, it costs some microseconds. */
  tick(): void {
    if (this.#pools.size === 0) return;
    const found = new Map<string, Entry[]>();
    this.#table.drain(this.#seconds(), (entry) => {
      for (const uuid of this.#poolOf(entry)?.services ?? []) addTo(found, uuid, entry);
    });
    for (const [uuid, entries] of found) this.news.publish(TOPIC, uuid, newsOf(entries));
  }

  facts(): PersistenceFacts {
    return { limit: this.#table.limit, evictions: this.mapping.persistenceEvictions, pools: this.uses() };
  }

  /** Every pool that has a part in the table. Looks at all entries: for heartbeats, not more often. */
  uses(): PersistenceUse[] {
    const counts = new Map<number, number>();
    for (const { pool } of this.#pools.size === 0 ? [] : this.#table.entries(this.#seconds()))
      counts.set(pool, (counts.get(pool) ?? 0) + 1);
    return [...this.#pools].map(([tag, { poolUuid }]) => ({ poolUuid, entries: counts.get(tag) ?? 0 }));
  }

  #take(uuid: string, items: readonly Uint8Array[]): void {
    const now = this.#seconds();
    for (const item of items)
      for (const entry of decodeNews(item))
        if (this.#poolOf(entry)?.services.has(uuid) === true) this.#table.merge(entry, now);
  }

  #all(uuid: string): Uint8Array[] {
    const entries: Entry[] = [];
    for (const entry of this.#table.entries(this.#seconds()))
      if (this.#poolOf(entry)?.services.has(uuid) === true) entries.push(entry);
    return newsOf(entries);
  }

  /** The pool of an entry, if it is followed here and still has the server. */
  #poolOf({ pool: tag, serverLo, serverHi }: Entry): Followed | undefined {
    const pool = this.#pools.get(tag);
    return pool?.servers.has(`${serverLo} ${serverHi}`) === true ? pool : undefined;
  }

  #seconds(): number {
    return (this.now() / 1000) | 0;
  }
}

/** Kinds of persistence that remember clients in the table. */
const IN_TABLE: ReadonlySet<string> = new Set(['client_ip', 'app_cookie', 'tls']);

function followed(snapshot: Snapshot): Map<number, Followed> {
  const kinds = new Map((snapshot.persistence_profiles ?? []).map((p) => [p.uuid, p.by.type]));
  const pools = new Map<string, Followed>();
  for (const pool of snapshot.pools) {
    const kind = kinds.get(pool.persistence_profile_uuid ?? '');
    if (kind === undefined || !IN_TABLE.has(kind)) continue;
    pools.set(pool.uuid, { poolUuid: pool.uuid, servers: tagsOf(pool), services: new Set() });
  }
  if (pools.size > 0)
    for (const service of snapshot.virtual_services)
      for (const uuid of poolsOf(snapshot, service)) pools.get(uuid)?.services.add(service.uuid);
  return new Map([...pools].map(([uuid, pool]) => [poolTag(uuid), pool]));
}

const tagsOf = (pool: Pool): Set<string> =>
  new Set(pool.servers.map((s) => serverTag(serverName(s)).join(' ')));

const isWithin = (before: Followed, after: Followed | undefined): boolean =>
  after !== undefined && [...before.servers].every((tag) => after.servers.has(tag));

function addTo(map: Map<string, Entry[]>, key: string, entry: Entry): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [entry]);
  else list.push(entry);
}
