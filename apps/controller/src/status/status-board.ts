import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { LOGGER, type Logger } from '../config/logger.js';
import { RuntimeReader } from '../runtime/runtime-reader.js';
import { SeEvents } from '../se-channel/se-events.js';
import { SeSessions } from '../se-channel/sessions.js';
import { ObjectCache } from '../store/index.js';
import { draw, type Picture } from './picture.js';

/** While somebody watches, what other replicas wrote is seen at least this often, in milliseconds. */
const LOOK_AGAIN = 2_000;
/** Shortest time between two readings, in milliseconds: bursts of news are one reading. */
const PAUSE = 20;
/** And so many times as long as a reading took, so that a large cluster with much news is not read all the time. */
const PAUSE_FACTOR = 4;
/** Kinds whose changes show. */
const SHOWN = new Set([
  'serviceengine',
  'virtualservice',
  'pool',
  'vsvip',
  'placement',
  'serviceenginegroup',
  'tenant',
]);

type Watcher = (picture: Picture | undefined) => void;

/**
 * The picture that outsiders get, read again when there is news and somebody watches. Undefined stands for "cannot be
 * told now": the database is away.
 */
@Injectable()
export class StatusBoard implements OnApplicationShutdown {
  readonly #watchers = new Set<Watcher>();
  readonly #logger: Logger;
  #reading: Promise<Picture | undefined> | undefined;
  #dirty = false;
  #took = 0;
  #timer: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #off: (() => void)[] = [];

  constructor(
    private readonly reader: RuntimeReader,
    private readonly cache: ObjectCache,
    private readonly sessions: SeSessions,
    private readonly events: SeEvents,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#logger = logger.child({ part: 'status' });
  }

  /** A reading that begins now or has begun after the last news; undefined when it cannot be told. */
  read(): Promise<Picture | undefined> {
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  /** Calls with each new picture until the returned function is called. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#follow();
    this.#news();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#unfollow();
    };
  }

  onApplicationShutdown(): void {
    this.#unfollow();
  }

  #follow(): void {
    const news = (): void => this.#news();
    const changes: Subscription = this.cache.changes.subscribe((list) => {
      if (list.some((c) => SHOWN.has(c.kind))) this.#news();
    });
    this.#off = [
      () => changes.unsubscribe(),
      ...(
        [
          'connected',
          'disconnected',
          'down',
          'stopping',
          'placementObserved',
          'serverVerdict',
          'configAnswered',
        ] as const
      ).map((name) => this.events.on(name, news)),
    ];
    this.#timer = setInterval(news, LOOK_AGAIN).unref();
  }

  #unfollow(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#pause);
    this.#pause = undefined;
    for (const off of this.#off) off();
    this.#off = [];
  }

  #news(): void {
    this.#dirty = true;
    this.#pause ??= setTimeout(() => void this.#tell(), Math.max(PAUSE, this.#took * PAUSE_FACTOR));
  }

  async #tell(): Promise<void> {
    this.#dirty = false;
    // One that is under way may have begun before the news.
    await this.#reading;
    const picture = await this.read();
    for (const watcher of this.#watchers) watcher(picture);
    this.#pause = undefined;
    if (this.#dirty && this.#watchers.size > 0) this.#news();
  }

  async #read(): Promise<Picture | undefined> {
    try {
      const began = performance.now();
      const state = await this.reader.read();
      const picture = draw(
        state,
        this.cache.byKind('serviceengine'),
        this.cache.byKind('virtualservice'),
        (uuid) => this.cache.get(uuid)?.name ?? uuid,
        (seUuid) => this.sessions.get(seUuid)?.heartbeat,
      );
      this.#took = performance.now() - began;
      return picture;
    } catch (err) {
      this.#logger.warn({ err }, 'status cannot be told now');
      return undefined;
    }
  }
}
