import type { EntityManager } from 'typeorm';

/**
 * Whether the controller's own operation on this VIP ended badly a moment ago: it is not begun again at once. After a
 * cancel by a user the pause is longer, so that the user has time to say what is wanted instead.
 */
export async function recentFailure(manager: EntityManager, vsUuid: string, vipId: string): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    `SELECT 1 FROM operation WHERE subject_uuid = $1 AND vip_id = $2 AND params ? 'why'
       AND ((state = 'failed' AND ended_at > now() - interval '10 s')
         OR (error_code = 'CANCELLED' AND ended_at > now() - interval '60 s')) LIMIT 1`,
    [vsUuid, vipId],
  );
  return rows.length > 0;
}
