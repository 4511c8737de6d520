import type { OnApplicationShutdown } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Logger } from '../config/logger.js';
import type { Settings } from '../config/settings.js';
import { errors } from '../errors.js';
import { OutboxListener } from './listener.js';
import { ObjectIndex } from './object-index.js';
import { readAll, readSince, type WholeState } from './outbox-reader.js';
import type { Change, ObjectView, Referrer, StoredObject } from './types.js';

/** Looked at even without a notification, so that a lost one costs seconds and nothing else. */
const POLL_MS = 5_000;
/** How the connections of the cache differ from the pool of everybody. */
const READING = { poolSize: 2, entities: [], migrations: [] } as const;

interface Waiter {
  readonly generation: number;
  readonly resolve: () => void;
}

/**
 * Every object in memory, current to one generation, following the outbox. An empty or failed read never deletes
 * anything here: an object goes only when the outbox says so, or when a consistent read of everything lacks it.
 */
export class ObjectCache implements ObjectView, OnApplicationShutdown {
  private readonly index = new ObjectIndex();
  private readonly subject = new Subject<readonly Change[]>();
  private readonly listener: OutboxListener;
  /** Connections of its own: whoever holds the configuration lock waits for the cache while others hold the pool. */
  private readonly reading: DataSource;
  private readonly logger: Logger;
  private waiters: Waiter[] = [];
  private running: Promise<void> | undefined;
  private again = false;
  private timer: NodeJS.Timeout | undefined;
  private position = { clusterUuid: '', epoch: 0, generation: 0 };

  /** Batches of changes, after the cache has moved. After a reading of everything: what differs from before. */
  readonly changes: Observable<readonly Change[]> = this.subject.asObservable();

  constructor(dataSource: DataSource, settings: Pick<Settings, 'databaseUrl'>, logger: Logger) {
    const options: object = { ...dataSource.options, ...READING };
    this.reading = new DataSource(options as DataSourceOptions);
    this.logger = logger.child({ part: 'object-cache' });
    this.listener = new OutboxListener(settings.databaseUrl, this.logger, () => this.wake());
  }

  /** The change that this cache is current with. */
  get generation(): number {
    return this.position.generation;
  }

  /** Raised by a restore. */
  get epoch(): number {
    return this.position.epoch;
  }

  get clusterUuid(): string {
    return this.position.clusterUuid;
  }

  get size(): number {
    return this.index.size;
  }

  get(uuid: string): StoredObject | undefined {
    return this.index.get(uuid);
  }

  byKind(kind: string): Iterable<StoredObject> {
    return this.index.byKind(kind);
  }

  byName(kind: string, name: string): readonly StoredObject[] {
    return this.index.byName(kind, name);
  }

  referrers(uuid: string): readonly Referrer[] {
    return this.index.referrers(uuid);
  }

  /** Reads everything and begins to follow; the cache is whole before anybody can inject it. */
  async open(): Promise<void> {
    await this.reading.initialize();
    const whole = await readAll(this.reading);
    if (!whole) throw errors.unavailable('the database lost its cluster_state row');
    for (const object of whole.objects) this.index.put(object);
    this.position = { clusterUuid: whole.clusterUuid, epoch: whole.epoch, generation: whole.generation };
    await this.listener.start();
    this.timer = setInterval(() => this.wake(), POLL_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.listener.close();
    await this.running?.catch(() => undefined);
    this.subject.complete();
    if (this.reading.isInitialized) await this.reading.destroy();
  }

  /** Reads on until the cache is at least at that generation. Rejects with a 503 when the database does not answer. */
  async catchUp(generation: number): Promise<void> {
    while (this.generation < generation) await this.advance();
  }

  /** Resolves when the cache has come to that generation by itself or by others; never by asking the database. */
  whenAt(generation: number): Promise<void> {
    if (this.generation >= generation) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ generation, resolve }));
  }

  /** Looks for changes soon, without waiting. A failure is logged, and the next look tries again. */
  wake(): void {
    if (this.running) this.again = true;
    else void this.advance().catch((err: unknown) => this.logger.warn({ err }, 'could not read changes'));
  }

  private advance(): Promise<void> {
    this.running ??= this.readOn().finally(() => {
      this.running = undefined;
      if (!this.again) return;
      this.again = false;
      this.wake();
    });
    return this.running;
  }

  private async readOn(): Promise<void> {
    const since = await readSince(this.reading, this.generation);
    if (!since || since.clusterUuid !== this.clusterUuid || since.generation < this.generation) {
      throw errors.unavailable(
        'the database does not hold the cluster that it held before; nothing was changed',
      );
    }
    if (!since.complete) return this.readEverything();
    const changed = new Map(since.objects.map((object) => [object.uuid, object]));
    for (const { uuid, change } of newestPerObject(since.changes)) {
      const object = changed.get(uuid);
      if (object) this.index.put(object);
      else if (change === 'deleted') this.index.drop(uuid);
    }
    this.moved(since, since.changes);
  }

  private async readEverything(): Promise<void> {
    const whole = await readAll(this.reading);
    if (!whole || whole.clusterUuid !== this.clusterUuid || whole.generation < this.generation) {
      throw errors.unavailable(
        'the database does not hold the cluster that it held before; nothing was changed',
      );
    }
    if (whole.objects.length === 0 && this.index.size > 0) {
      throw errors.unavailable('the database answered without any object; nothing was changed');
    }
    this.logger.info({ from: this.generation, to: whole.generation }, 'far behind: read every object');
    this.moved(whole, this.replaceAll(whole));
  }

  private replaceAll(whole: WholeState): Change[] {
    const changes: Change[] = [];
    const gone = new Set(this.index.uuids());
    for (const object of whole.objects) {
      gone.delete(object.uuid);
      const before = this.index.get(object.uuid);
      if (before?.generation === object.generation) continue;
      this.index.put(object);
      const change = before ? 'updated' : 'created';
      changes.push({ kind: object.kind, uuid: object.uuid, change, generation: object.generation });
    }
    for (const uuid of gone) {
      const kind = this.index.get(uuid)?.kind ?? '';
      this.index.drop(uuid);
      changes.push({ kind, uuid, change: 'deleted', generation: whole.generation });
    }
    // What has no object cannot be compared: whoever follows placements reads all of them again.
    changes.push({ kind: 'placement', uuid: '', change: 'updated', generation: whole.generation });
    return changes;
  }

  private moved(to: { epoch: number; generation: number }, changes: readonly Change[]): void {
    this.position = { ...this.position, epoch: to.epoch, generation: to.generation };
    const due = this.waiters.filter((w) => w.generation <= to.generation);
    this.waiters = this.waiters.filter((w) => w.generation > to.generation);
    for (const { resolve } of due) resolve();
    if (changes.length > 0) this.subject.next(changes);
  }
}

function newestPerObject(changes: readonly Change[]): Iterable<Change> {
  return new Map(changes.map((change) => [change.uuid, change])).values();
}
