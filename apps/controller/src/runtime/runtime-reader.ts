import { Injectable } from '@nestjs/common';
import { requested, type ServiceEngine } from '@spillway/placement';
import type { Pool } from '@spillway/snapshot';
import type { FilledPool, FilledVirtualService } from '@spillway/model';
import {
  namesOf,
  type ResolvedName,
  resolvedNameUuid,
  translatePool,
  upRuleOf,
  whyUnservable,
} from '@spillway/translator';
import { DataSource } from 'typeorm';
import type { Operation, PlacementRow, SeRuntime, ServerVerdict } from '../database/entities/index.js';
import { OperationStore } from '../operation/operation.store.js';
import { vipKey, WorldReader, type PlacementWorld } from '../placement/world-reader.js';
import { ObjectCache, type StoredObject } from '../store/index.js';
import { capacitiesOf, capacityOf, type Capacities, type Capacity } from './capacities.js';
import type { OperStatus } from './oper-status.js';
import { poolsOf, usersOf } from './pool-paths.js';
import { persistenceUsesOf, type PersistenceUse, type PersistenceUses } from './persistence-uses.js';
import { clientsGetOf, poolStatus, type PoolStatus, type PoolUse, type ServerStatus } from './pool-status.js';
import { queueUsesOf, type QueueUse, type QueueUses } from './request-queue.js';
import { countsOf, type ServerCounts } from './server-counts.js';
import { NO_STANDING, standingsOf, type Standing, type Standings } from './standings.js';
import { throttlesOf, type Throttles } from './throttles.js';
import { serves, vipStatus, wholeStatus, type SeFact } from './vs-status.js';

export interface VipView {
  readonly vipId: string;
  readonly status: OperStatus;
  readonly rows: readonly PlacementRow[];
  readonly operation: Operation | undefined;
  readonly numSeRequested: number;
  readonly additional: number;
}

export interface VsView {
  readonly object: StoredObject;
  readonly status: OperStatus;
  readonly vips: readonly VipView[];
  readonly pools: readonly string[];
}

/** Everything that runs, read at one moment; the views are reckoned when they are asked for. */
export class RuntimeState {
  private readonly pools = new Map<string, PoolStatus>();
  private readonly facts = new Map<string, SeFact>();
  private byVs: Map<string, PlacementRow[]> | undefined;
  private throttles: Throttles | undefined;
  private standings: Standings | undefined;
  private counts: ServerCounts | undefined;
  private persistence: PersistenceUses | undefined;
  private queues: QueueUses | undefined;
  private told: Capacities | undefined;

  constructor(
    private readonly cache: ObjectCache,
    readonly world: PlacementWorld,
    private readonly operations: ReadonlyMap<string, Operation>,
    private readonly verdicts: ReadonlyMap<string, readonly ServerVerdict[]>,
  ) {
    for (const se of world.serviceEngines.values())
      this.facts.set(se.uuid, {
        name: se.name,
        connected: se.connected,
        lost: se.lost,
        reason: world.runtimes.get(se.uuid)?.oper_reason ?? '',
      });
  }

  get serviceEngines(): ReadonlyMap<string, SeFact> {
    return this.facts;
  }

  se(uuid: string): { view: ServiceEngine; runtime: SeRuntime | undefined } | undefined {
    const view = this.world.serviceEngines.get(uuid);
    return view === undefined ? undefined : { view, runtime: this.world.runtimes.get(uuid) };
  }

  /** The placements of a virtual service. */
  private rowsOf(vsUuid: string): readonly PlacementRow[] {
    this.byVs ??= Map.groupBy(this.world.rows, (r) => r.vs_uuid);
    return this.byVs.get(vsUuid) ?? [];
  }

  /** The operation on an SE or VIP that has not ended. */
  operationOn(subjectUuid: string, vipId = ''): Operation | undefined {
    return this.operations.get(vipKey(subjectUuid, vipId));
  }

  virtualService(object: StoredObject): VsView {
    const vs = this.world.virtualServices.get(object.uuid);
    const group = this.world.groups.get(vs?.groupUuid ?? '');
    const pools = poolsOf(this.cache, object);
    const states = pools.flatMap((uuid) => {
      const found = this.cache.get(uuid);
      return found === undefined ? [] : [{ name: found.name, status: this.pool(found).status }];
    });
    const rule = upRuleOf(object.spec as unknown as FilledVirtualService, this.cache);
    // What serves on every VIP is served: only then is there nothing to explain.
    const served = (vs?.vips ?? []).every(({ vipId }) =>
      this.rowsOf(object.uuid).some((r) => r.vip_id === vipId && serves(r, this.facts)),
    );
    const problems = served ? [] : problemsOf(object.uuid, this.cache);
    const vips = (vs?.vips ?? []).map(({ vipId, additional }): VipView => {
      const rows = this.rowsOf(object.uuid).filter((r) => r.vip_id === vipId);
      const operation = this.operationOn(object.uuid, vipId);
      const enabled = vs?.enabled === true;
      const numSeRequested = group === undefined ? 1 : requested(group, additional);
      const state = vipStatus({
        enabled,
        rows,
        serviceEngines: this.facts,
        operation,
        problems,
        pools: states,
        rule,
      });
      return { vipId, rows, operation, numSeRequested, additional, status: state };
    });
    return { object, vips, pools, status: wholeStatus(vips) };
  }

  pool(object: StoredObject): PoolStatus {
    const known = this.pools.get(object.uuid);
    if (known !== undefined) return known;
    const body = bodyOf(object, this.cache);
    this.throttles ??= throttlesOf(this.world.runtimes.values());
    const held = this.throttles.get(object.uuid);
    this.counts ??= countsOf(this.world.runtimes.values());
    const counts = this.counts.get(object.uuid);
    const verdicts = this.verdicts.get(object.uuid) ?? [];
    const clientsGet = clientsGetOf(body, (uuid) => this.cache.get(uuid)?.name);
    const found = poolStatus(body, this.useOf(object.uuid), verdicts, held, counts, clientsGet);
    this.pools.set(object.uuid, found);
    return found;
  }

  /** The SEs that check the servers of a pool, by uuid with their names. */
  checkersOf(poolUuid: string): ReadonlyMap<string, string> {
    return this.useOf(poolUuid).serviceEngines;
  }

  /** What SEs that serve the pool know of its clients; nothing where it remembers none. */
  persistenceOf(object: StoredObject): readonly PersistenceUse[] {
    this.persistence ??= persistenceUsesOf(this.world.runtimes.values());
    const { serviceEngines } = this.useOf(object.uuid);
    return (this.persistence.get(object.uuid) ?? []).filter((use) => serviceEngines.has(use.se_uuid));
  }

  /** What the algorithms of the SEs that serve the pool go by at a server. */
  standing(poolUuid: string, server: ServerStatus): Standing {
    this.standings ??= standingsOf(this.world.runtimes.values());
    const { ramps, tasks } = this.standings.get(poolUuid)?.get(server.id) ?? NO_STANDING;
    const used = this.useOf(poolUuid).serviceEngines;
    return {
      ramps: ramps.filter((r) => used.has(r.se_uuid)),
      tasks: tasks.filter((t) => used.has(t.se_uuid)),
    };
  }

  /** What each server of the pool takes and whether it is needed; undefined where nobody estimates that. */
  capacities(poolUuid: string): (server: ServerStatus) => Capacity | undefined {
    this.told ??= capacitiesOf(this.world.runtimes.values());
    const told = this.told.get(poolUuid);
    if (told === undefined) return () => undefined;
    const { serviceEngines } = this.useOf(poolUuid);
    return (server) => capacityOf(told, server, serviceEngines);
  }

  /** What SEs that serve the pool hold of its connections and its queue; nothing where it limits none. */
  queuesOf(object: StoredObject): readonly QueueUse[] {
    this.queues ??= queueUsesOf(this.world.runtimes.values());
    const { serviceEngines } = this.useOf(object.uuid);
    return (this.queues.get(object.uuid) ?? []).filter((use) => serviceEngines.has(use.se_uuid));
  }

  /** What the names in a pool's list resolve to. */
  resolvedNames(object: StoredObject): ResolvedName[] {
    return namesOf(object.spec as unknown as FilledPool).map(
      (name) =>
        (this.cache.get(resolvedNameUuid(name))?.spec as unknown as ResolvedName | undefined) ?? {
          name,
          addresses: [],
          failure: 'DNS has not answered yet',
        },
    );
  }

  /** Enabled virtual services that use a pool, themselves or through a pool group, and the SEs that serve them. */
  private useOf(poolUuid: string): PoolUse {
    const users = usersOf(this.cache, poolUuid).filter((vs) => vs.spec['enabled'] !== false);
    const uuids = new Set(users.map((vs) => vs.uuid));
    const serviceEngines = new Map<string, string>();
    for (const uuid of uuids)
      for (const row of this.rowsOf(uuid))
        if (row.desired !== 'drain')
          serviceEngines.set(row.se_uuid, this.facts.get(row.se_uuid)?.name ?? row.se_uuid);
    return { virtualServices: users.map((vs) => vs.name), serviceEngines };
  }
}

/** Why the configuration of a virtual service cannot be served. */
function problemsOf(uuid: string, cache: ObjectCache): string[] {
  return whyUnservable(uuid, cache).map((p) => `${p.path === '' ? '' : `${p.path}: `}${p.text}`);
}

/** Pools as SEs run them, by the version of the object; those with servers from elsewhere are looked at anew. */
const bodies = new WeakMap<StoredObject, Pool>();

/** Its servers come from other objects: from a group, or from what names resolve to. */
const changesByItself = ({ spec }: StoredObject): boolean =>
  spec['ipaddrgroup_ref'] !== undefined || namesOf(spec as unknown as FilledPool).length > 0;

function bodyOf(object: StoredObject, cache: ObjectCache): Pool {
  const known = bodies.get(object);
  if (known !== undefined) return known;
  const body = translated(object, cache);
  if (!changesByItself(object)) bodies.set(object, body);
  return body;
}

/** Without TLS and monitors: keys are not in reach here, and what a pool is at run time does not depend on them. */
function translated(object: StoredObject, cache: ObjectCache): Pool {
  const {
    ssl_profile_ref: _p,
    ssl_key_and_certificate_ref: _k,
    health_monitor_refs: _m,
    ...spec
  } = object.spec;
  const plain = { ...object, spec };
  const lookup = { get: (uuid: string) => (uuid === object.uuid ? plain : cache.get(uuid)) };
  const body = translatePool(object.uuid, lookup).fragment?.body as Pool | undefined;
  // What no service engine can take has no servers that one could tell of.
  return (
    body ??
    ({
      uuid: object.uuid,
      name: object.name,
      enabled: true,
      servers: [],
      min_servers_up: 1,
    } as unknown as Pool)
  );
}

/** Reads what runs, for runtime views, inventories and status. */
@Injectable()
export class RuntimeReader {
  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: ObjectCache,
    private readonly world: WorldReader,
    private readonly operations: OperationStore,
  ) {}

  /** `poolUuids`: the pools whose servers matter; undefined for all. */
  async read(poolUuids?: readonly string[]): Promise<RuntimeState> {
    const [world, active, verdicts] = await Promise.all([
      this.world.read(),
      this.operations.active(),
      this.verdicts(poolUuids),
    ]);
    const operations = new Map(active.map((op) => [vipKey(op.subject_uuid, op.vip_id), op]));
    const byPool = Map.groupBy(verdicts, (v) => v.pool_uuid);
    return new RuntimeState(this.cache, world, operations, byPool);
  }

  private verdicts(poolUuids: readonly string[] | undefined): Promise<ServerVerdict[]> {
    if (poolUuids === undefined) return this.dataSource.query('SELECT * FROM server_verdict');
    if (poolUuids.length === 0) return Promise.resolve([]);
    return this.dataSource.query('SELECT * FROM server_verdict WHERE pool_uuid = ANY($1)', [poolUuids]);
  }
}
