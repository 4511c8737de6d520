import { Injectable } from '@nestjs/common';
import type { Group, ServiceEngine, VirtualService, World } from '@spillway/placement';
import { DataSource, type EntityManager } from 'typeorm';
import { PlacementRow, SeRuntime, VsScale } from '../database/entities/index.js';
import { ObjectCache } from '../store/index.js';
import { textOf } from './fields.js';
import { deadSeSeconds, groupView, placementView, seView, vsView } from './views.js';

/** The world at one moment, with the rows it was read from. */
export interface PlacementWorld extends World {
  readonly groups: ReadonlyMap<string, Group>;
  readonly serviceEngines: ReadonlyMap<string, ServiceEngine>;
  readonly virtualServices: ReadonlyMap<string, VirtualService>;
  readonly rows: readonly PlacementRow[];
  readonly scales: ReadonlyMap<string, VsScale>;
  readonly runtimes: ReadonlyMap<string, SeRuntime>;
}

export const vipKey = (vsUuid: string, vipId: string): string => `${vsUuid}#${vipId}`;

/** Reads what placement is decided from: configuration from the cache, everything that runs from the database. */
@Injectable()
export class WorldReader {
  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: ObjectCache,
  ) {}

  async read(manager: EntityManager = this.dataSource.manager, now = Date.now()): Promise<PlacementWorld> {
    const rows = await manager.find(PlacementRow, { order: { created_at: 'ASC', id: 'ASC' } });
    const runtimes = new Map((await manager.find(SeRuntime)).map((r) => [r.se_uuid, r]));
    const scales = new Map((await manager.find(VsScale)).map((s) => [vipKey(s.vs_uuid, s.vip_id), s]));
    const deadSeMs = deadSeSeconds(this.cache) * 1000;
    const groups = new Map<string, Group>();
    for (const object of this.cache.byKind('serviceenginegroup'))
      groups.set(object.uuid, groupView(this.cache, object));
    const serviceEngines = new Map<string, ServiceEngine>();
    for (const object of this.cache.byKind('serviceengine'))
      serviceEngines.set(object.uuid, seView(object, runtimes.get(object.uuid)));
    const virtualServices = new Map<string, VirtualService>();
    for (const object of this.cache.byKind('virtualservice')) {
      const group = groups.get(textOf(object.spec, 'se_group_ref'));
      virtualServices.set(object.uuid, vsView(this.cache, object, group, scales));
    }
    const placements = rows.map((row) =>
      placementView(row, now, serviceEngines.get(row.se_uuid)?.connected === true, deadSeMs),
    );
    return { groups, serviceEngines, virtualServices, placements, rows, scales, runtimes };
  }
}
