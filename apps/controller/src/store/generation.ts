import type { EntityManager } from 'typeorm';

const NEXT = `
WITH g AS (UPDATE cluster_state SET generation = generation + 1 WHERE id = 1 RETURNING generation),
     o AS (INSERT INTO outbox (id, kind, uuid, change) SELECT generation, $1, $2, $3 FROM g)
SELECT generation, pg_notify('spillway_outbox', generation::text) FROM g`;

/** Takes the next generation, writes its outbox row and notifies; all become visible with the commit. */
export async function nextGeneration(
  manager: EntityManager,
  kind: string,
  uuid: string,
  change: 'created' | 'updated' | 'deleted',
): Promise<number> {
  const [row]: { generation: string }[] = await manager.query(NEXT, [kind, uuid, change]);
  if (!row) throw new Error('cluster_state has no row');
  return Number(row.generation);
}
