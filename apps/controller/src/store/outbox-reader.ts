import type { DataSource } from 'typeorm';
import { fromRow, type Change, type ObjectRow, type StoredObject } from './types.js';

/** Where the database stands. */
export interface ClusterPosition {
  readonly clusterUuid: string;
  readonly epoch: number;
  readonly generation: number;
}

/** All objects at one position, read in one snapshot. */
export interface WholeState extends ClusterPosition {
  readonly objects: readonly StoredObject[];
}

/** The changes after a generation, with what the changed objects are now. */
export interface ChangesSince extends ClusterPosition {
  /** False: rows after the asked generation are gone already; read everything. */
  readonly complete: boolean;
  readonly changes: readonly Change[];
  readonly objects: readonly StoredObject[];
}

/** Longest batch that is read in one go; further behind than that, reading everything is cheaper. */
export const LONGEST_CATCH_UP = 20_000;

interface ChangeRow {
  cluster_uuid: string;
  epoch: string;
  generation: string;
  id: string | null;
  change: Change['change'];
  changed_kind: string;
  changed_uuid: string;
  object: ObjectRow | null;
}

/** One statement, so that position, changes and objects belong together. */
const SINCE = `
SELECT c.cluster_uuid, c.epoch, c.generation, o.id, o.change, o.kind AS changed_kind, o.uuid AS changed_uuid,
       CASE WHEN o.newest THEN to_jsonb(b) END AS object
FROM cluster_state c
LEFT JOIN (
  SELECT *, id = max(id) OVER (PARTITION BY uuid) AS newest
  FROM (SELECT * FROM outbox WHERE id > $1 ORDER BY id LIMIT ${LONGEST_CATCH_UP + 1}) latest
) o ON true
LEFT JOIN "object" b ON o.newest AND b.uuid = o.uuid
WHERE c.id = 1
ORDER BY o.id`;

/** Reads what changed after a generation. */
export async function readSince(dataSource: DataSource, after: number): Promise<ChangesSince | undefined> {
  const rows: ChangeRow[] = await dataSource.query(SINCE, [after]);
  const first = rows[0];
  if (!first) return undefined;
  const position = positionOf(first);
  const present = rows.filter((row) => row.id !== null);
  const changes = present.map((row) => ({
    kind: row.changed_kind,
    uuid: row.changed_uuid,
    change: row.change,
    generation: Number(row.id),
  }));
  // Generations are dense: as many rows as the distance, or some were pruned.
  const complete = changes.length === position.generation - after && changes.length <= LONGEST_CATCH_UP;
  const objects = present.flatMap((row) => (row.object ? [fromRow(row.object)] : []));
  return { ...position, complete, changes, objects };
}

/** Reads everything. Undefined where the database has no cluster yet. */
export async function readAll(dataSource: DataSource): Promise<WholeState | undefined> {
  return dataSource.transaction('REPEATABLE READ', async (manager) => {
    const [state]: ChangeRow[] = await manager.query(
      'SELECT cluster_uuid, epoch, generation FROM cluster_state WHERE id = 1',
    );
    if (!state) return undefined;
    const rows: ObjectRow[] = await manager.query('SELECT * FROM "object"');
    return { ...positionOf(state), objects: rows.map(fromRow) };
  });
}

const positionOf = (row: Pick<ChangeRow, 'cluster_uuid' | 'epoch' | 'generation'>): ClusterPosition => ({
  clusterUuid: row.cluster_uuid,
  epoch: Number(row.epoch),
  generation: Number(row.generation),
});
