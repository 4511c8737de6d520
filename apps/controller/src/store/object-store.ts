import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { LOCKS } from '../database/options.js';
import { ObjectCache } from './object-cache.js';
import { SecretBox } from './secret-box.js';
import { StoreTransaction, type NewObject } from './store-transaction.js';
import type { ChangeType, Spec, StoredObject } from './types.js';

interface Begun {
  readonly tx: StoreTransaction;
  /** Of the newest committed write when the lock was taken. */
  readonly generation: number;
}

/**
 * The only way to change an object. A write is one transaction under the configuration lock; it returns after the
 * commit, when this replica's cache has reached it, so that a client reads what it wrote.
 */
@Injectable()
export class ObjectStore {
  private readonly logger: Logger;
  /** Each transaction has a manager of its own, and goes with it. */
  private readonly open = new WeakMap<EntityManager, Begun>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: ObjectCache,
    private readonly secrets: SecretBox,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'object-store' });
  }

  /**
   * Runs `fn` with everything it reads and writes under the configuration lock. Throwing undoes all of it. Keep it
   * short and wait for nothing outside the database in it: every other writer waits meanwhile.
   */
  async transaction<T>(fn: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    let written = 0;
    const result = await this.dataSource.transaction(async (manager) => {
      const tx = await this.within(manager);
      const value = await fn(tx);
      written = tx.generation;
      return value;
    });
    await this.seen(written);
    return result;
  }

  /**
   * The same inside a transaction that the caller opened. The lock is held until the caller commits; afterwards the
   * caller may wait for `cache.catchUp(tx.generation)`.
   */
  async within(manager: EntityManager): Promise<StoreTransaction> {
    const { tx, generation } = await this.begun(manager);
    // Under the lock nobody else writes: with the cache here, it is exactly what the database holds.
    await this.cache.catchUp(generation);
    return tx;
  }

  create(kind: string, spec: Spec, options?: NewObject): Promise<StoredObject> {
    return this.transaction((tx) => tx.create(kind, spec, options));
  }

  replace(kind: string, uuid: string, spec: Spec): Promise<StoredObject> {
    return this.transaction((tx) => tx.replace(kind, uuid, spec));
  }

  remove(kind: string, uuid: string): Promise<void> {
    return this.transaction((tx) => tx.remove(kind, uuid));
  }

  /**
   * Records a change of something that is delivered and is not an object (`placement`), in the caller's transaction.
   * Answers its generation.
   */
  async touch(manager: EntityManager, kind: string, uuid: string, change: ChangeType): Promise<number> {
    const { tx } = await this.begun(manager);
    return tx.touch(kind, uuid, change);
  }

  /**
   * Takes the lock at the first write of a transaction; what is asked of the same transaction later joins in. The
   * generation is the one before its own writes, which no cache can reach until they are committed.
   */
  private async begun(manager: EntityManager): Promise<Begun> {
    const before = this.open.get(manager);
    if (before) return before;
    await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCKS.config]);
    const [state]: { generation: string }[] = await manager.query(
      'SELECT generation FROM cluster_state WHERE id = 1',
    );
    const begun = {
      tx: new StoreTransaction(manager, this.cache, this.secrets),
      generation: Number(state?.generation ?? 0),
    };
    this.open.set(manager, begun);
    return begun;
  }

  /** The write is committed: a cache that cannot read now is late, not wrong. */
  private async seen(generation: number): Promise<void> {
    try {
      await this.cache.catchUp(generation);
    } catch (err) {
      this.logger.warn({ err, generation }, 'the write is committed, and the cache could not read it yet');
    }
  }
}
