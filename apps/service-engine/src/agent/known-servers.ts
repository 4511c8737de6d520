import { type Pool, poolsOf, type Snapshot } from '@spillway/snapshot';
import type { PeerNews } from '../peer-news/peer-news.js';

const TOPIC = 'servers';
/** Characters in one item at most. */
const MOST_ITEM = 1000;

/** What is known of servers here. */
export interface Knowledge {
  /** By `pool_uuid/address:port`. */
  verdicts(): Iterable<{ readonly key: string; readonly verdict: string }>;
  inherit(known: Iterable<readonly [key: string, up: boolean]>): void;
}

/**
 * Tells an SE that joins a virtual service which of its servers are up, so that it can serve before its own first
 * round of checks is done. Its own checks replace what it was told.
 */
export class KnownServers {
  /** Pools with monitors, by virtual service. */
  #pools: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  constructor(
    private readonly knowledge: Knowledge,
    news: Pick<PeerNews, 'add'>,
  ) {
    news.add(TOPIC, {
      concerns: (uuid) => (this.#pools.get(uuid)?.size ?? 0) > 0,
      take: (uuid, items) => this.knowledge.inherit(this.#read(uuid, items)),
      all: (uuid) => this.#write(uuid),
    });
  }

  configure(snapshot: Snapshot): void {
    const monitored = new Set(snapshot.pools.filter(isMonitored).map((p) => p.uuid));
    this.#pools = new Map(
      snapshot.virtual_services.map((vs) => [
        vs.uuid,
        new Set([...poolsOf(snapshot, vs)].filter((uuid) => monitored.has(uuid))),
      ]),
    );
  }

  /** `+key` or `-key`, one a line. */
  #write(virtualServiceUuid: string): Uint8Array[] {
    const pools = this.#pools.get(virtualServiceUuid);
    const items: string[] = [];
    let item = '';
    for (const { key, verdict } of this.knowledge.verdicts()) {
      if (verdict === 'unknown' || pools?.has(poolOf(key)) !== true) continue;
      const line = `${verdict === 'up' ? '+' : '-'}${key}\n`;
      if (item.length + line.length > MOST_ITEM) {
        items.push(item);
        item = '';
      }
      item += line;
    }
    if (item !== '') items.push(item);
    return items.map((text) => Buffer.from(text));
  }

  /** Servers of this virtual service alone; lines that make no sense say nothing. */
  *#read(virtualServiceUuid: string, items: readonly Uint8Array[]): Generator<[string, boolean]> {
    const pools = this.#pools.get(virtualServiceUuid);
    for (const item of items)
      for (const line of Buffer.from(item).toString().split('\n')) {
        const key = line.slice(1);
        if (/^[+-]/.test(line) && pools?.has(poolOf(key)) === true) yield [key, line.startsWith('+')];
      }
  }
}

const isMonitored = (pool: Pool): boolean => pool.health_monitor_uuids.length > 0;
const poolOf = (key: string): string => key.slice(0, key.indexOf('/'));
