import type { PlacementInput } from '@spillway/translator';
import type { DataSource } from 'typeorm';
import type { PlacementRow } from '../database/entities/index.js';

type Row = Pick<
  PlacementRow,
  'id' | 'vs_uuid' | 'vip_id' | 'se_uuid' | 'primary' | 'desired' | 'drain_timeout' | 'epoch'
>;

const COLUMNS = 'p.id, p.vs_uuid, p.vip_id, p.se_uuid, p."primary", p.desired, p.drain_timeout, p.epoch';

/** The rows of these ids that exist. */
export async function readPlacements(
  dataSource: DataSource,
  ids: readonly string[],
): Promise<Map<string, PlacementInput>> {
  const rows: Row[] = await dataSource.query(
    `SELECT ${COLUMNS} FROM placement p WHERE p.id = ANY($1::uuid[])`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, inputOf(row)]));
}

/**
 * All rows. One statement with the cluster's row, so that a database that answers with nothing is told from one
 * without placements: undefined then.
 */
export async function readAllPlacements(
  dataSource: DataSource,
  clusterUuid: string,
): Promise<Map<string, PlacementInput> | undefined> {
  const rows: (Row & { cluster_uuid: string })[] = await dataSource.query(
    `SELECT c.cluster_uuid, ${COLUMNS} FROM cluster_state c LEFT JOIN placement p ON true WHERE c.id = 1`,
  );
  if (rows[0]?.cluster_uuid !== clusterUuid) return undefined;
  return new Map(
    rows.filter((row) => (row.id as string | null) !== null).map((row) => [row.id, inputOf(row)]),
  );
}

const inputOf = (row: Row): PlacementInput => ({
  id: row.id,
  vsUuid: row.vs_uuid,
  vipId: row.vip_id,
  seUuid: row.se_uuid,
  primary: row.primary,
  desired: row.desired,
  epoch: Number(row.epoch),
  drainTimeout: row.drain_timeout,
});
