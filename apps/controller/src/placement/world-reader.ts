import { Injectable } from '@nestjs/common';
import type { Group, Placement, ServiceEngine, VirtualService, World } from '@spillway/placement';
import { DataSource, type EntityManager } from 'typeorm';
import type { PlacementRow, SeRuntime, VsScale } from '../database/entities/index.js';
import { ObjectCache } from '../store/index.js';
import { textOf } from './fields.js';
import { deadSeSeconds, groupView, placementView, seView, vsView } from './views.js';

/** The world at one moment, with the rows it was read from. */
export interface PlacementWorld extends World {
  readonly groups: ReadonlyMap<string, Group>;
  readonly serviceEngines: ReadonlyMap<string, ServiceEngine>;
  readonly virtualServices: VirtualServices;
  readonly rows: readonly PlacementRow[];
  readonly scales: ReadonlyMap<string, VsScale>;
  readonly runtimes: ReadonlyMap<string, SeRuntime>;
}

/** The virtual services of a world; each is looked at when it is asked for. */
export interface VirtualServices {
  get(uuid: string): VirtualService | undefined;
  keys(): Iterable<string>;
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
    const rows: PlacementRow[] = await manager.query('SELECT * FROM placement ORDER BY created_at, id');
    const runtimes: SeRuntime[] = await manager.query('SELECT * FROM se_runtime');
    const scales: VsScale[] = await manager.query('SELECT * FROM vs_scale');
    return this.assemble(
      rows,
      byKey(runtimes, (r) => r.se_uuid),
      byKey(scales, keyOfScale),
      now,
    );
  }

  /** The same world with the rows of one virtual service as they are now. */
  async refresh(
    manager: EntityManager,
    world: PlacementWorld,
    vsUuid: string,
    now = Date.now(),
  ): Promise<PlacementWorld> {
    const rows: PlacementRow[] = await manager.query(
      'SELECT * FROM placement WHERE vs_uuid = $1 ORDER BY created_at, id',
      [vsUuid],
    );
    const scales: VsScale[] = await manager.query('SELECT * FROM vs_scale WHERE vs_uuid = $1', [vsUuid]);
    const others = world.rows.filter((r) => r.vs_uuid !== vsUuid);
    const kept = world.placements.filter((p) => p.vsUuid !== vsUuid);
    const newScales = new Map(world.scales);
    for (const [key, scale] of world.scales) if (scale.vs_uuid === vsUuid) newScales.delete(key);
    for (const scale of scales) newScales.set(keyOfScale(scale), scale);
    return {
      ...world,
      rows: [...others, ...rows],
      placements: [...kept, ...this.placements(rows, world.serviceEngines, now)],
      scales: newScales,
      virtualServices: this.virtualServices(world.groups, newScales),
    };
  }

  private assemble(
    rows: readonly PlacementRow[],
    runtimes: ReadonlyMap<string, SeRuntime>,
    scales: ReadonlyMap<string, VsScale>,
    now: number,
  ): PlacementWorld {
    const groups = new Map<string, Group>();
    for (const object of this.cache.byKind('serviceenginegroup'))
      groups.set(object.uuid, groupView(this.cache, object));
    const serviceEngines = new Map<string, ServiceEngine>();
    for (const object of this.cache.byKind('serviceengine'))
      serviceEngines.set(object.uuid, seView(object, runtimes.get(object.uuid)));
    const placements = this.placements(rows, serviceEngines, now);
    const virtualServices = this.virtualServices(groups, scales);
    return { groups, serviceEngines, virtualServices, placements, rows, scales, runtimes };
  }

  private placements(
    rows: readonly PlacementRow[],
    serviceEngines: ReadonlyMap<string, ServiceEngine>,
    now: number,
  ): Placement[] {
    const deadSeMs = deadSeSeconds(this.cache) * 1000;
    return rows.map((row) =>
      placementView(row, now, serviceEngines.get(row.se_uuid)?.connected === true, deadSeMs),
    );
  }

  private virtualServices(
    groups: ReadonlyMap<string, Group>,
    scales: ReadonlyMap<string, VsScale>,
  ): VirtualServices {
    const { cache } = this;
    const seen = new Map<string, VirtualService>();
    return {
      get(uuid) {
        const known = seen.get(uuid);
        if (known !== undefined) return known;
        const object = cache.get(uuid);
        if (object?.kind !== 'virtualservice') return undefined;
        const view = vsView(cache, object, groups.get(textOf(object.spec, 'se_group_ref')), scales);
        seen.set(uuid, view);
        return view;
      },
      keys: () => [...cache.byKind('virtualservice')].map((object) => object.uuid),
    };
  }
}

const keyOfScale = (s: VsScale): string => vipKey(s.vs_uuid, s.vip_id);

const byKey = <T>(rows: readonly T[], key: (row: T) => string): Map<string, T> =>
  new Map(rows.map((row) => [key(row), row]));
