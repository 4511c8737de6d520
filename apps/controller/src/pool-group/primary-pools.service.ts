import { Inject, Injectable } from '@nestjs/common';
import type { FilledPoolGroup } from '@spillway/model';
import type { se } from '@spillway/protocol';
import {
  POOL_GROUP_STATE_KIND,
  type PoolGroupState,
  poolGroupStateOf,
  poolGroupStateUuid,
} from '@spillway/translator';
import { LOGGER, type Logger } from '../config/logger.js';
import { EventService, type NewEvent } from '../event/index.js';
import { SeEvents } from '../se-channel/se-events.js';
import { HookRegistry, ObjectCache, ObjectStore, type Spec, type StoreTransaction } from '../store/index.js';

/**
 * Which primary pools of pool groups are deactivated. SEs tell of those that went down until they are told of them
 * themselves, so that nothing is lost; one decision holds for all SEs, and over every restart.
 */
@Injectable()
export class PrimaryPoolsService {
  private readonly logger: Logger;
  /** Being written, so that a heartbeat that comes meanwhile writes nothing. */
  private readonly writing = new Set<string>();

  constructor(
    private readonly store: ObjectStore,
    private readonly cache: ObjectCache,
    private readonly events: EventService,
    hooks: HookRegistry,
    seEvents: SeEvents,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'primary-pools' });
    seEvents.on('primaryPoolsDown', ({ seUuid, pools }) => this.heard(seUuid, pools));
    hooks.register('poolgroup', {
      afterWrite: async (tx, group) => {
        if (group.spec['deactivate_primary_pool_on_down'] !== true) await forget(tx, group.uuid);
      },
      afterRemove: async (tx, group) => forget(tx, group.uuid),
    });
  }

  stateOf(groupUuid: string): PoolGroupState {
    return poolGroupStateOf(groupUuid, this.cache);
  }

  /** An SE has deactivated pools by itself. */
  heard(seUuid: string, told: readonly se.PoolGroupDeactivation[]): void {
    for (const news of told) {
      const key = `${news.poolGroupUuid} ${news.poolUuid}`;
      if (this.writing.has(key) || !isNew(this.stateOf(news.poolGroupUuid), news)) continue;
      this.writing.add(key);
      this.deactivate(seUuid, news)
        .catch((err: unknown) =>
          this.logger.warn({ err, news }, 'a deactivation could not be kept; it is told again'),
        )
        .finally(() => this.writing.delete(key));
    }
  }

  /** Pools of a group may be used again: that one, or all of them. Answers which. */
  async clear(groupUuid: string, poolUuid: string | undefined): Promise<string[]> {
    return this.store.transaction(async (tx) => {
      const before = poolGroupStateOf(groupUuid, tx);
      const kept = before.deactivated.filter((d) => poolUuid !== undefined && d.pool_uuid !== poolUuid);
      // Raised in any case: an SE may have deactivated what is not known here yet.
      await write(tx, groupUuid, { cleared: before.cleared + 1, deactivated: kept });
      return before.deactivated.filter((d) => !kept.includes(d)).map((d) => d.pool_uuid);
    });
  }

  private async deactivate(seUuid: string, news: se.PoolGroupDeactivation): Promise<void> {
    const event = await this.store.transaction(async (tx) => {
      const group = tx.get(news.poolGroupUuid);
      const pool = tx.get(news.poolUuid);
      const state = poolGroupStateOf(news.poolGroupUuid, tx);
      if (group?.kind !== 'poolgroup' || pool?.kind !== 'pool' || !isNew(state, news)) return undefined;
      const spec = group.spec as unknown as FilledPoolGroup;
      if (!spec.deactivate_primary_pool_on_down) return undefined;
      const at = new Date(news.at).toISOString();
      const deactivated = [...state.deactivated, { pool_uuid: pool.uuid, se_uuid: seUuid, at }];
      await write(tx, group.uuid, { cleared: state.cleared, deactivated });
      const by = tx.get(seUuid)?.name ?? seUuid;
      return {
        eventId: 'POOL_DEACTIVATED',
        kind: 'pool',
        objUuid: pool.uuid,
        objName: pool.name,
        tenantUuid: group.tenantUuid,
        description: `pool ${pool.name} went down (${by}) and is not used by pool group ${group.name} until it is enabled again`,
        details: { poolgroup: group.uuid, serviceengine: seUuid },
      } satisfies NewEvent;
    });
    if (event !== undefined) this.events.note(event);
  }
}

const isNew = (state: PoolGroupState, news: se.PoolGroupDeactivation): boolean =>
  news.cleared === state.cleared && !state.deactivated.some((d) => d.pool_uuid === news.poolUuid);

async function write(tx: StoreTransaction, groupUuid: string, state: PoolGroupState): Promise<void> {
  const uuid = poolGroupStateUuid(groupUuid);
  const spec = { name: uuid, ...state } as unknown as Spec;
  if (tx.get(uuid) === undefined) await tx.create(POOL_GROUP_STATE_KIND, spec, { uuid, systemDefault: true });
  else await tx.replace(POOL_GROUP_STATE_KIND, uuid, spec);
}

async function forget(tx: StoreTransaction, groupUuid: string): Promise<void> {
  const uuid = poolGroupStateUuid(groupUuid);
  if (tx.get(uuid) !== undefined) await tx.remove(POOL_GROUP_STATE_KIND, uuid);
}
