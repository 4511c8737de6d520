import { Injectable } from '@nestjs/common';
import { afterScalein, effectiveMin, type Group, type VirtualService } from '@spillway/placement';
import type { EntityManager } from 'typeorm';
import { scaleOf } from './views.js';
import { vipKey, type PlacementWorld } from './world-reader.js';

const UPSERT = `
INSERT INTO vs_scale (vs_uuid, vip_id, num_additional_se, basis) VALUES ($1, $2, $3, $4)
ON CONFLICT (vs_uuid, vip_id) DO UPDATE SET num_additional_se = $3, basis = $4`;

/** The manual scale-out factors, each in the caller's transaction and under the lock of the virtual service. */
@Injectable()
export class ScaleWriter {
  /** Writes the factor as the group's present limits make it, where the stored one says otherwise. */
  async settle(manager: EntityManager, world: PlacementWorld, vs: VirtualService): Promise<void> {
    const group = world.groups.get(vs.groupUuid);
    if (group === undefined) return;
    for (const { vipId } of vs.vips) {
      const scale = scaleOf(world.scales.get(vipKey(vs.uuid, vipId)), group, vs.enabled);
      if (scale.changed) await this.write(manager, vs.uuid, vipId, scale.additional, scale.basis);
    }
    await manager.query('DELETE FROM vs_scale WHERE vs_uuid = $1 AND NOT vip_id = ANY($2)', [
      vs.uuid,
      vs.vips.map((v) => v.vipId),
    ]);
  }

  /** Whether `settle` would write something. */
  unsettled(world: PlacementWorld, vs: VirtualService): boolean {
    const group = world.groups.get(vs.groupUuid);
    return (
      group !== undefined &&
      vs.vips.some(
        ({ vipId }) => scaleOf(world.scales.get(vipKey(vs.uuid, vipId)), group, vs.enabled).changed,
      )
    );
  }

  /** One SE more; answers the change of the factor. */
  async out(
    manager: EntityManager,
    world: PlacementWorld,
    vs: VirtualService,
    vipId: string,
  ): Promise<number> {
    await this.settle(manager, world, vs);
    return this.shift(manager, vs.uuid, vipId, 1);
  }

  /** One SE less of those placed now; answers the change of the factor. */
  async in(
    manager: EntityManager,
    world: PlacementWorld,
    vs: VirtualService,
    vipId: string,
    group: Group,
    placedNow: number,
  ): Promise<number> {
    await this.settle(manager, world, vs);
    const now = vs.vips.find((v) => v.vipId === vipId)?.additional ?? 0;
    return this.shift(manager, vs.uuid, vipId, afterScalein(now, placedNow, effectiveMin(group)) - now);
  }

  /** Answers by how much the factor really changed: it never goes below 0. */
  async shift(manager: EntityManager, vsUuid: string, vipId: string, delta: number): Promise<number> {
    if (delta === 0) return 0;
    const [rows]: [{ before: number; after: number }[], number] = await manager.query(
      `UPDATE vs_scale s SET num_additional_se = greatest(0, s.num_additional_se + $3)
       FROM (SELECT num_additional_se AS before FROM vs_scale WHERE vs_uuid = $1 AND vip_id = $2 FOR UPDATE) b
       WHERE s.vs_uuid = $1 AND s.vip_id = $2 RETURNING b.before, s.num_additional_se AS after`,
      [vsUuid, vipId, delta],
    );
    const row = rows[0];
    return row === undefined ? 0 : row.after - row.before;
  }

  private write(
    manager: EntityManager,
    vsUuid: string,
    vipId: string,
    additional: number,
    basis: object,
  ): Promise<unknown> {
    return manager.query(UPSERT, [vsUuid, vipId, additional, JSON.stringify(basis)]);
  }
}
