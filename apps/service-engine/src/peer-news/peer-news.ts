import type { se } from '@spillway/protocol';
import { chunks, MOST_ITEM, Outbox } from './outbox.js';

/** What the SEs of a virtual service tell each other of one thing. */
export interface PeerTopic {
  /** Whether this virtual service, which is placed here, has to do with the topic. */
  concerns(virtualServiceUuid: string): boolean;
  /** Another SE tells. Items come from another program: what does not make sense is to be ignored. */
  take(virtualServiceUuid: string, items: readonly Uint8Array[], fromSeUuid: string): void;
  /**
   * All that this SE knows, for one that joins; what it learned from others too.
   * @param since what was learned before may be left out (milliseconds since the epoch of Unix time)
   */
  all(virtualServiceUuid: string, since: number): Uint8Array[];
}

/** What comes within so many milliseconds is told together. */
const PAUSE = 20;
/** A stream that is stuck is tried again after so long. */
const STUCK = 250;
/** An SE that joins waits at most so long for what the others know. */
const ANSWER = 1_000;
/** What may have been on its way when the stream was lost is asked for again. */
const OVERLAP = 10_000;

/**
 * News between the SEs that serve the same virtual service, by way of the controller. They are hints: they may be lost
 * with a stream or when too many wait, and each SE goes on without them. An SE that joins a virtual service, or whose
 * stream comes back, asks for what it has missed.
 */
export class PeerNews {
  readonly #topics = new Map<string, PeerTopic>();
  readonly #outbox = new Outbox();
  #connected = false;
  /** When the stream was lost; 0 before the first one. */
  #lostAt = 0;
  #placed: ReadonlySet<string> = new Set();
  /** `topic virtual-service`: until when an answer is waited for. */
  readonly #asked = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param send false when it could not be sent
   * @param onSettled something may have settled, see `isSettled`
   */
  constructor(
    private readonly send: (body: { $case: 'peerNews'; value: se.PeerNews }) => boolean,
    private readonly onSettled: () => void = () => undefined,
    private readonly now: () => number = Date.now,
  ) {}

  add(name: string, topic: PeerTopic): void {
    this.#topics.set(name, topic);
  }

  /** Tells the other SEs of a virtual service; items of more than 1 KiB are not told. */
  publish(topic: string, virtualServiceUuid: string, items: readonly Uint8Array[]): void {
    this.#outbox.put(topic, virtualServiceUuid, items);
    if (this.#connected && !this.#outbox.empty) this.#timer ??= setTimeout(() => this.#flush(), PAUSE);
  }

  /** The virtual services that are placed here from now on: what others know of new ones is asked for. */
  follow(virtualServiceUuids: ReadonlySet<string>): void {
    const before = this.#placed;
    this.#placed = new Set(virtualServiceUuids);
    for (const uuid of virtualServiceUuids) if (!before.has(uuid)) this.#ask(uuid, 0);
    for (const key of this.#asked.keys())
      if (!virtualServiceUuids.has(key.slice(key.indexOf(' ') + 1))) this.#asked.delete(key);
  }

  /** True when what others know of a virtual service has come, or nobody can tell in time. */
  isSettled(virtualServiceUuid: string): boolean {
    for (const topic of this.#topics.keys()) {
      const until = this.#asked.get(`${topic} ${virtualServiceUuid}`);
      if (until !== undefined && this.now() < until) return false;
    }
    return true;
  }

  /** A stream to a controller is open. */
  opened(): void {
    this.#connected = true;
    const since = Math.max(0, this.#lostAt - OVERLAP);
    const lost = this.#outbox.takeDropped();
    this.#flush();
    for (const uuid of this.#placed) {
      if (lost) this.#tellAll(uuid, since, '');
      this.#ask(uuid, since);
    }
  }

  closed(): void {
    if (this.#connected) this.#lostAt = this.now();
    this.#connected = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#asked.clear();
    this.onSettled();
  }

  /** Another SE says something, or asks. */
  heard(news: se.PeerNews): void {
    const { topic: name, virtualServiceUuid: uuid, items, ask, since, seUuid, last } = news;
    const topic = this.#topics.get(name);
    if (topic === undefined || !this.#placed.has(uuid)) return;
    if (ask) {
      this.#tell(name, topic, uuid, since, seUuid);
      return;
    }
    if (items.length > 0) topic.take(uuid, items, seUuid);
    if (last && this.#asked.delete(`${name} ${uuid}`)) this.onSettled();
  }

  #ask(uuid: string, since: number): void {
    if (!this.#connected) return;
    for (const [name, topic] of this.#topics) {
      if (!topic.concerns(uuid)) continue;
      this.#asked.set(`${name} ${uuid}`, this.now() + ANSWER);
      this.#send(name, uuid, { ask: true, since });
    }
  }

  #tellAll(uuid: string, since: number, to: string): void {
    for (const [name, topic] of this.#topics)
      if (topic.concerns(uuid)) this.#tell(name, topic, uuid, since, to);
  }

  #tell(name: string, topic: PeerTopic, uuid: string, since: number, to: string): void {
    const lists = chunks(topic.all(uuid, since).filter((item) => item.length <= MOST_ITEM));
    for (const [i, items] of lists.entries())
      this.#send(name, uuid, { items: asBuffers(items), seUuid: to, last: i === lists.length - 1 });
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { topic, virtualServiceUuid, items } of this.#outbox.take())
      if (!this.#send(topic, virtualServiceUuid, { items: asBuffers(items) }))
        this.#outbox.put(topic, virtualServiceUuid, items);
    if (this.#connected && !this.#outbox.empty) this.#timer = setTimeout(() => this.#flush(), STUCK);
  }

  #send(topic: string, virtualServiceUuid: string, news: Partial<se.PeerNews>): boolean {
    return this.send({
      $case: 'peerNews',
      value: {
        topic,
        virtualServiceUuid,
        items: [],
        ask: false,
        since: 0,
        seUuid: '',
        last: false,
        ...news,
      },
    });
  }
}

const asBuffers = (items: readonly Uint8Array[]): Buffer[] =>
  items.map((item) => Buffer.from(item.buffer, item.byteOffset, item.length));
