import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { LOGGER, type Logger } from '../config/logger.js';
import { QueueService } from '../queue/queue.service.js';
import { HookRegistry, ObjectCache, ObjectStore, type Spec } from '../store/index.js';
import { lacksCookieKeys, madeAt, rotated, withCookieKeys } from './cookie-keys.js';

const KIND = 'applicationpersistenceprofile';
const LOOK_MS = 60_000;
const MINUTE_MS = 60_000;

/**
 * Keys of the cookies that lead clients back to their server: made when a profile without them is written, sealed in
 * the database, never shown, and rotated every `persistence_key_rotate_period` minutes (ControllerProperties; 0 never).
 */
@Injectable()
export class CookieKeysService implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger: Logger;

  constructor(
    private readonly hooks: HookRegistry,
    private readonly store: ObjectStore,
    private readonly cache: ObjectCache,
    private readonly queue: QueueService,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'cookie-keys' });
  }

  onModuleInit(): void {
    this.hooks.register(KIND, {
      beforeWrite: (_tx, { spec, before }) => withCookieKeys(spec, before?.spec, new Date()),
    });
    this.queue.sweep('cookie-keys', LOOK_MS, () => this.look());
  }

  /** Seeded and restored profiles come without keys. */
  async onApplicationBootstrap(): Promise<void> {
    await this.look();
  }

  /** Makes what is missing and rotates what is due. */
  async look(now = new Date()): Promise<void> {
    const period = this.period();
    for (const { uuid, spec } of this.cache.byKind(KIND)) {
      if (lacksCookieKeys(spec)) await this.change(uuid, lacksCookieKeys, (s) => withCookieKeys(s, s, now));
      else if (isDue(spec, period, now))
        await this.change(
          uuid,
          (s) => isDue(s, period, now),
          (s) => rotated(s, now),
        );
    }
  }

  /** Rotates the keys of one profile now, whoever made them. */
  async rotate(uuid: string): Promise<void> {
    await this.change(
      uuid,
      () => true,
      (spec) => rotated(spec, new Date()),
    );
  }

  private async change(
    uuid: string,
    still: (spec: Readonly<Spec>) => boolean,
    to: (spec: Spec) => Spec,
  ): Promise<void> {
    const changed = await this.store.transaction(async (tx) => {
      const object = tx.get(uuid);
      // Another replica may have been first.
      if (object?.kind !== KIND || !still(object.spec)) return false;
      await tx.replace(KIND, uuid, to({ ...object.spec }));
      return true;
    });
    if (changed) this.logger.info({ profile: uuid }, 'changed the keys of a persistence profile');
  }

  /** Milliseconds; 0 for never. */
  private period(): number {
    for (const { spec } of this.cache.byKind('controllerproperties'))
      return Number(spec['persistence_key_rotate_period'] ?? 0) * MINUTE_MS;
    return 0;
  }
}

const isDue = (spec: Readonly<Spec>, period: number, now: Date): boolean => {
  const made = madeAt(spec);
  return period > 0 && made !== undefined && now.getTime() - made >= period;
};
