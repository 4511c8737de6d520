import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ObjectStore } from '../store/index.js';
import type { DesiredPlacement } from '../database/entities/index.js';

/** One VIP of one virtual service on one SE. */
export interface PlacementKey {
  readonly vsUuid: string;
  readonly vipId: string;
  readonly seUuid: string;
}

/** First key of the advisory locks of virtual services; the second is a hash of the uuid. */
const VS_LOCK = 7_301_100;
/** The same for SE groups. */
const GROUP_LOCK = 7_301_101;

/**
 * All writes of placements, each in the caller's transaction, each delivered (kind `placement`). Every function may
 * run again: what is there already is not written.
 */
@Injectable()
export class PlacementWriter {
  constructor(private readonly store: ObjectStore) {}

  /**
   * One at a time decides about a virtual service. Held until the transaction ends. Order of locks everywhere:
   * operation row, virtual service, its placements by id (what SEs say of them is written in that order too), SE group,
   * configuration.
   */
  async lock(manager: EntityManager, vsUuid: string): Promise<void> {
    await manager.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [VS_LOCK, vsUuid]);
    await manager.query('SELECT FROM placement WHERE vs_uuid = $1 ORDER BY id FOR UPDATE', [vsUuid]);
  }

  /** One at a time gives out the room of a group. */
  async lockGroup(manager: EntityManager, groupUuid: string): Promise<void> {
    await manager.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [GROUP_LOCK, groupUuid]);
  }

  /** Asks the SE to get ready: claims, health checks, no listener. False when the row is there already. */
  async program(manager: EntityManager, key: PlacementKey, primary: boolean): Promise<boolean> {
    const had = await this.idOf(manager, key);
    if (had !== undefined) return false;
    const [row]: { id: string }[] = await manager.query(
      `INSERT INTO placement (vs_uuid, vip_id, se_uuid, "primary", desired) VALUES ($1, $2, $3, $4, 'prepare')
       RETURNING id`,
      [key.vsUuid, key.vipId, key.seUuid, primary],
    );
    const id = row?.id ?? '';
    await this.raiseEpoch(manager, id, 'created');
    return true;
  }

  /** Changes what is wanted of a placement; going back from a drain raises its epoch. False when nothing changes. */
  async want(
    manager: EntityManager,
    key: PlacementKey,
    desired: DesiredPlacement,
    drainTimeoutMs?: number,
  ): Promise<boolean> {
    const [row]: { id: string; desired: DesiredPlacement }[] = await manager.query(
      'SELECT id, desired FROM placement WHERE vs_uuid = $1 AND vip_id = $2 AND se_uuid = $3 FOR UPDATE',
      [key.vsUuid, key.vipId, key.seUuid],
    );
    if (row === undefined || row.desired === desired) return false;
    await manager.query(
      `UPDATE placement SET desired = $2, drain_timeout = coalesce($3, drain_timeout), desired_at = clock_timestamp(),
         "primary" = "primary" AND $2 <> 'drain', connections_left = 0 WHERE id = $1`,
      [row.id, desired, drainTimeoutMs ?? null],
    );
    if (row.desired === 'drain') await this.raiseEpoch(manager, row.id, 'updated');
    else await this.store.touch(manager, 'placement', row.id, 'updated');
    return true;
  }

  /** Makes this SE the only primary of the VIP. False when it is already, or has no placement. */
  async makePrimary(manager: EntityManager, key: PlacementKey): Promise<boolean> {
    const rows: { id: string; se_uuid: string; primary: boolean }[] = await manager.query(
      'SELECT id, se_uuid, "primary" FROM placement WHERE vs_uuid = $1 AND vip_id = $2 ORDER BY id FOR UPDATE',
      [key.vsUuid, key.vipId],
    );
    const next = rows.find((r) => r.se_uuid === key.seUuid);
    if (next === undefined) return false;
    const others = rows.filter((r) => r.primary && r !== next);
    if (next.primary && others.length === 0) return false;
    for (const row of others) {
      await manager.query('UPDATE placement SET "primary" = false WHERE id = $1', [row.id]);
      await this.raiseEpoch(manager, row.id, 'updated');
    }
    await manager.query('UPDATE placement SET "primary" = true WHERE id = $1', [next.id]);
    await this.raiseEpoch(manager, next.id, 'updated');
    return true;
  }

  /** The SE lets go of the VIP. False when it had no placement. */
  async remove(manager: EntityManager, key: PlacementKey): Promise<boolean> {
    const id = await this.idOf(manager, key);
    if (id === undefined) return false;
    await manager.query('DELETE FROM placement WHERE id = $1', [id]);
    await this.store.touch(manager, 'placement', id, 'deleted');
    return true;
  }

  private async idOf(manager: EntityManager, key: PlacementKey): Promise<string | undefined> {
    const [row]: { id: string }[] = await manager.query(
      'SELECT id FROM placement WHERE vs_uuid = $1 AND vip_id = $2 AND se_uuid = $3 FOR UPDATE',
      [key.vsUuid, key.vipId, key.seUuid],
    );
    return row?.id;
  }

  /** The epoch of a placement is the generation of the change that made it or passed its role on. */
  private async raiseEpoch(manager: EntityManager, id: string, change: 'created' | 'updated'): Promise<void> {
    const generation = await this.store.touch(manager, 'placement', id, change);
    await manager.query('UPDATE placement SET epoch = $2 WHERE id = $1', [id, generation]);
  }
}
