import type { DataSource } from 'typeorm';
import type { OperationStore } from '../operation/operation.store.js';
import type { ObjectCache } from '../store/index.js';
import type { PlacementWorld } from './world-reader.js';

/**
 * A disabled SE that still carries something is evacuated: the virtual services move one by one through their own
 * operations, and this one shows how far that is. Answers the operations started.
 */
export async function startEvacuations(
  world: PlacementWorld,
  cache: ObjectCache,
  operations: OperationStore,
  dataSource: DataSource,
): Promise<string[]> {
  const started: string[] = [];
  for (const se of world.serviceEngines.values()) {
    if (se.enableState !== 'disabled' || se.lost) continue;
    if (!world.placements.some((p) => p.seUuid === se.uuid && p.desired !== 'drain')) continue;
    const op = await dataSource.transaction((manager) =>
      operations.insert(manager, {
        type: 'evacuate_se',
        subjectUuid: se.uuid,
        subjectName: se.name,
        tenantUuid: cache.get(se.uuid)?.tenantUuid ?? '',
        params: { why: 'se_leaves' },
        requestedBy: '',
      }),
    );
    if (op !== undefined) started.push(op.uuid);
  }
  return started;
}
