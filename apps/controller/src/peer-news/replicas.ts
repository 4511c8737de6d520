import { randomUUID } from 'node:crypto';
import { se } from '@spillway/protocol';
import type { DataSource } from 'typeorm';
import type { Logger } from '../config/logger.js';
import { OutboxListener } from '../store/listener.js';
import type { OtherReplicas } from './relay.js';

/** The channel of `NOTIFY`: `<replica> <SE uuids, with commas> <news in base64>`. */
const CHANNEL = 'spillway_peer_news';
/** PostgreSQL takes payloads below 8,000 bytes; so many bytes of items leave room for the rest, in base64. */
const MOST_ITEMS = 3_000;

/** Passes news on between replicas by NOTIFY. What is sent while a replica does not listen is lost, as news may be. */
export class NotifiedReplicas implements OtherReplicas {
  readonly #id = randomUUID();
  #listener: OutboxListener | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly url: string,
    private readonly logger: Logger,
  ) {}

  async listen(deliver: (toSeUuids: readonly string[], news: se.PeerNews) => void): Promise<void> {
    const hear = (payload: string | undefined): void => {
      const [replica, to = '', news = ''] = payload?.split(' ') ?? [];
      if (replica === undefined || replica === this.#id) return;
      deliver(to.split(','), se.PeerNews.decode(Buffer.from(news, 'base64')));
    };
    this.#listener = new OutboxListener(this.url, this.logger, hear, CHANNEL);
    await this.#listener.start();
  }

  async pass(toSeUuids: readonly string[], news: se.PeerNews): Promise<void> {
    const payloads = inParts(news).map(
      (part) =>
        `${this.#id} ${toSeUuids.join(',')} ${Buffer.from(se.PeerNews.encode(part).finish()).toString('base64')}`,
    );
    await this.dataSource.query(
      `SELECT pg_notify('${CHANNEL}', payload) FROM unnest($1::text[]) AS payload`,
      [payloads],
    );
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }
}

/** The same news in parts that fit into a notification each; `last` stays with the last one. */
export function inParts(news: se.PeerNews): se.PeerNews[] {
  const parts: Buffer[][] = [[]];
  let bytes = 0;
  for (const item of news.items) {
    // The bytes of a length and a tag come to each item.
    const size = item.length + 4;
    if (bytes + size > MOST_ITEMS) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(item);
    bytes += size;
  }
  return parts.map((items, i) => ({ ...news, items, last: news.last && i === parts.length - 1 }));
}
