import { capacity, virtualServicesOn } from '@spillway/placement';
import type { DataSource } from 'typeorm';
import type { OperationStore } from '../operation/operation.store.js';
import type { ObjectCache } from '../store/index.js';
import { numberOf } from './fields.js';
import type { PlacementWorld } from './world-reader.js';

/**
 * SEs that the controller made and that carry nothing are deleted after `se_deprovision_delay` minutes, down to
 * `min_se` and the reserve of the group. Since when one is idle is known to this process alone: a restart begins anew.
 */
export class IdleSes {
  private readonly since = new Map<string, number>();

  constructor(
    private readonly cache: ObjectCache,
    private readonly operations: OperationStore,
    private readonly dataSource: DataSource,
  ) {}

  /** Answers the operations started. */
  async look(world: PlacementWorld, now = Date.now()): Promise<string[]> {
    for (const se of world.serviceEngines.values()) {
      const object = this.cache.get(se.uuid);
      const idle =
        object?.spec['controller_created'] === true &&
        se.connected &&
        virtualServicesOn(world, se.uuid).size === 0;
      if (!idle || object === undefined) {
        this.since.delete(se.uuid);
        continue;
      }
      const from = this.since.get(se.uuid) ?? now;
      this.since.set(se.uuid, from);
      if (now - from < this.delayMs(se.groupUuid) || !this.dispensable(world, se.groupUuid)) continue;
      const op = await this.dataSource.transaction((manager) =>
        this.operations.insert(manager, {
          type: 'delete_se',
          subjectUuid: se.uuid,
          subjectName: se.name,
          tenantUuid: object.tenantUuid,
          params: { why: 'above_wanted' },
          requestedBy: '',
        }),
      );
      // One at a time: the next look knows what is left.
      if (op !== undefined) return [op.uuid];
    }
    return [];
  }

  private delayMs(groupUuid: string): number {
    return numberOf(this.cache.get(groupUuid)?.spec, 'se_deprovision_delay', 120) * 60_000;
  }

  private dispensable(world: PlacementWorld, groupUuid: string): boolean {
    const room = capacity(world, groupUuid);
    const group = world.groups.get(groupUuid);
    if (room === undefined || group === undefined) return false;
    if (room.serviceEngines <= numberOf(this.cache.get(groupUuid)?.spec, 'min_se', 1)) return false;
    return room.freeSlots - group.maxVsPerSe >= room.reservedSlots;
  }
}
