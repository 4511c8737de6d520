import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '../config/logger.js';
import { EventService } from '../event/index.js';
import type { SeSession } from '../se-channel/session.js';
import { ObjectCache, ObjectStore } from '../store/index.js';

/** An SE cannot push the epoch further than this at once: what is beyond is no configuration of this cluster. */
const LARGEST_STEP = 1_000_000_000;

/**
 * A database that was set back (to a backup, to a replica that lagged) knows an older configuration than SEs run, and
 * they would refuse all of it. As a restore does, the epoch is raised above what they have seen: what the database
 * holds is what counts.
 */
@Injectable()
export class SetBackGuard {
  readonly #logger: Logger;

  constructor(
    private readonly store: ObjectStore,
    private readonly cache: ObjectCache,
    private readonly log: EventService,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#logger = logger.child({ part: 'delivery' });
  }

  /** Looks at what an SE says that it runs. */
  see(session: SeSession): void {
    const { epoch, generation } = session.hello;
    const { cache } = this;
    if (epoch < cache.epoch || (epoch === cache.epoch && generation <= cache.generation)) return;
    if (epoch - cache.epoch > LARGEST_STEP || generation - cache.generation > LARGEST_STEP) {
      this.#logger.error(
        { se: session.seName, epoch, generation },
        'runs a configuration that cannot be ours',
      );
      return;
    }
    this.#raise(session).catch((err: unknown) =>
      this.#logger.warn(
        { err, se: session.seName },
        'could not raise the epoch; tried again when an SE attaches',
      ),
    );
  }

  async #raise(session: SeSession): Promise<void> {
    const { epoch, generation } = session.hello;
    // Under the lock of writes: a cache that is merely behind is told from a database that is.
    const raised = await this.store.transaction(async (tx) => {
      const [row]: { epoch: string; generation: string }[] = await tx.manager.query(
        'SELECT epoch, generation FROM cluster_state WHERE id = 1',
      );
      const now = { epoch: Number(row?.epoch), generation: Number(row?.generation) };
      if (now.epoch > epoch || (now.epoch === epoch && now.generation >= generation)) return undefined;
      const next = Math.max(now.epoch, epoch) + 1;
      await tx.manager.query(
        'UPDATE cluster_state SET epoch = $1, generation = greatest(generation, $2) WHERE id = 1',
        [next, generation],
      );
      await tx.touch('cluster', '', 'updated');
      return { next, now };
    });
    if (raised === undefined) return;
    this.#logger.error(
      { se: session.seName, runs: { epoch, generation }, database: raised.now, epoch: raised.next },
      'the database was set back: the epoch is raised, so that SEs take what it holds',
    );
    this.log.note({
      eventId: 'CONFIG_SET_BACK',
      kind: 'cluster',
      objUuid: this.cache.clusterUuid,
      objName: '',
      description: `The database holds generation ${raised.now.generation}, service engine ${session.seName} runs ${generation}: the database was set back. Service engines now take what it holds`,
      details: { service_engine: session.seUuid, runs: { epoch, generation }, database: raised.now },
    });
  }
}
