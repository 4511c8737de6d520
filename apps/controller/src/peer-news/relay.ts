import type { se } from '@spillway/protocol';
import type { Logger } from '../config/logger.js';
import type { SeSession } from '../se-channel/session.js';
import type { SeSessions } from '../se-channel/sessions.js';
import type { Peers } from './peers.js';

/** SEs that are asked for what they know, by one that joins. */
const MOST_ASKED = 2;
/** Messages that may wait for one SE; more are dropped, since news are hints. */
const MOST_WAITING = 64;
const MOST_TOPIC = 64;
const MOST_ITEM = 1024;
/** Bytes of items in one message, with some room above what SEs hold themselves to. */
const MOST_BYTES = 512 * 1024;

/** Passes news on to SEs whose stream another replica holds. */
export interface OtherReplicas {
  pass(toSeUuids: readonly string[], news: se.PeerNews): Promise<void>;
}

/**
 * Passes on what SEs of one virtual service tell each other. Nothing is kept, and nothing is promised: what cannot be
 * delivered now is dropped. An SE is heard on virtual services that are placed on it, and on no others.
 */
export class PeerNewsRelay {
  readonly #waiting = new WeakMap<SeSession, number>();
  /** News of one SE are passed on in their order. */
  readonly #turns = new WeakMap<SeSession, Promise<void>>();

  constructor(
    private readonly sessions: SeSessions,
    private readonly peers: Peers,
    private readonly others: OtherReplicas,
    private readonly logger: Logger,
  ) {}

  /** An SE says something. */
  take(from: SeSession, news: se.PeerNews): void {
    const bytes = news.items.reduce((sum, item) => sum + item.length, 0);
    if (news.topic.length > MOST_TOPIC || bytes > MOST_BYTES) {
      this.logger.warn({ se: from.seName, topic: news.topic.slice(0, MOST_TOPIC), bytes }, 'news too large');
      return;
    }
    const turn = (this.#turns.get(from) ?? Promise.resolve()).then(() => this.#pass(from, news));
    this.#turns.set(
      from,
      turn.catch((err: unknown) => this.logger.warn({ err, se: from.seName }, 'news could not be passed on')),
    );
  }

  /** Gives news to SEs whose stream this replica holds. */
  deliver(toSeUuids: readonly string[], news: se.PeerNews): void {
    for (const uuid of toSeUuids) {
      const session = this.sessions.get(uuid);
      if (session !== undefined) this.#send(session, news);
    }
  }

  async #pass(from: SeSession, news: se.PeerNews): Promise<void> {
    if (news.ask) this.peers.forget(news.virtualServiceUuid);
    const all = await this.peers.of(news.virtualServiceUuid);
    if (!all.some((p) => p.seUuid === from.seUuid)) return;
    const to = this.#receivers(from, news, all);
    const items = news.items.filter((item) => item.length <= MOST_ITEM);
    const said = { ...news, items, seUuid: from.seUuid };
    if (news.ask && to.length === 0) this.#send(from, { ...said, ask: false, seUuid: '', last: true });
    const here = to.filter((uuid) => this.sessions.get(uuid) !== undefined);
    this.deliver(here, said);
    const elsewhere = to.filter((uuid) => !here.includes(uuid));
    if (elsewhere.length > 0) await this.others.pass(elsewhere, said);
  }

  #receivers(from: SeSession, news: se.PeerNews, all: Awaited<ReturnType<Peers['of']>>): string[] {
    const reachable = all
      .filter((p) => p.seUuid !== from.seUuid && (p.connected || this.sessions.get(p.seUuid) !== undefined))
      .map((p) => p.seUuid);
    if (news.ask) return reachable.slice(0, MOST_ASKED);
    return news.seUuid === '' ? reachable : reachable.filter((uuid) => uuid === news.seUuid);
  }

  #send(session: SeSession, value: se.PeerNews): void {
    const waiting = this.#waiting.get(session) ?? 0;
    if (waiting >= MOST_WAITING) return;
    this.#waiting.set(session, waiting + 1);
    void session
      .send({ $case: 'peerNews', value })
      .then(() => this.#waiting.set(session, (this.#waiting.get(session) ?? 1) - 1));
  }
}
