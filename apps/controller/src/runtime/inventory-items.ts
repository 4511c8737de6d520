import { capacity } from '@spillway/placement';
import { listOf, numberOf, textOf } from '../placement/fields.js';
import type { ObjectCache, StoredObject } from '../store/index.js';
import { healthScore, showStatus, status } from './oper-status.js';
import { poolGroupStatus } from './pool-group-status.js';
import { poolsOf, usersOf } from './pool-paths.js';
import type { RuntimeState } from './runtime-reader.js';
import { seFigures, seStatus } from './se-status.js';
import { serversOf } from './server-view.js';
import { excessOf } from './capacities.js';
import { percentUp, vipSummary, type Linker } from './vip-summary.js';

type Json = Record<string, unknown>;

/** What every item needs: the objects, what runs, and how references are written. */
export interface InventoryContext {
  readonly cache: ObjectCache;
  readonly state: RuntimeState;
  readonly link: Linker;
  /** The object as the API shows it. */
  readonly shown: (object: StoredObject) => Json;
}

const pick = (from: Json, names: readonly string[]): Json =>
  Object.fromEntries(names.filter((n) => from[n] !== undefined).map((n) => [n, from[n]]));

const noAlerts = { low: 0, medium: 0, high: 0 };
const ALWAYS = ['uuid', 'name', 'url', 'tenant_ref', 'cloud_ref'];

export type ItemMaker = (object: StoredObject, ctx: InventoryContext) => Json;

const refs = (ctx: InventoryContext, objects: readonly StoredObject[]): string[] =>
  objects.map((o) => ctx.link(o.kind, o.uuid));

function virtualService(object: StoredObject, ctx: InventoryContext): Json {
  const { cache, state, link } = ctx;
  const view = state.virtualService(object);
  const config = ctx.shown(object);
  const vsvip = cache.get(textOf(object.spec, 'vsvip_ref'));
  const percents = view.vips.map((v) => percentUp(v, state.serviceEngines));
  const percent = percents.length === 0 ? 0 : Math.min(...percents);
  const profile = cache.get(textOf(object.spec, 'application_profile_ref'));
  return {
    config: {
      ...pick(config, [
        ...ALWAYS,
        'enabled',
        'traffic_enabled',
        'fqdn',
        'type',
        'services',
        'vsvip_ref',
        'pool_ref',
        'pool_group_ref',
        'se_group_ref',
        'vrf_context_ref',
        'application_profile_ref',
        'description',
      ]),
      vip: vsvip === undefined ? listOf(object.spec, 'vip') : listOf(vsvip.spec, 'vip'),
    },
    runtime: {
      oper_status: showStatus(view.status),
      percent_ses_up: percent,
      vip_summary: view.vips.map((v) => vipSummary(v, state.serviceEngines, link)),
    },
    health_score: healthScore(view.status, percent),
    alert: noAlerts,
    metrics: {},
    pools: view.pools.map((uuid) => link('pool', uuid)),
    poolgroups: [textOf(object.spec, 'pool_group_ref')]
      .filter(Boolean)
      .map((uuid) => link('poolgroup', uuid)),
    app_profile_type: textOf(profile?.spec, 'type', 'APPLICATION_PROFILE_TYPE_HTTP'),
    has_pool_with_realtime_metrics: false,
    faults: {},
  };
}

const percentOf = (part: number, whole: number): number =>
  whole === 0 ? 0 : Math.round((100 * part) / whole);

function pool(object: StoredObject, ctx: InventoryContext): Json {
  const { state, cache } = ctx;
  const view = state.pool(object);
  return {
    config: pick(ctx.shown(object), [
      ...ALWAYS,
      'enabled',
      'lb_algorithm',
      'default_server_port',
      'servers',
      'health_monitor_refs',
      'vrf_ref',
      'description',
    ]),
    runtime: {
      oper_status: showStatus(view.status),
      num_servers: view.servers.length,
      num_servers_enabled: view.enabled,
      num_servers_up: view.up,
      ...excessOf(view.servers.map(state.capacities(object.uuid))),
      percent_servers_up_enabled: percentOf(view.up, view.enabled),
      percent_servers_up_total: percentOf(view.up, view.servers.length),
    },
    servers: serversOf(object, state, false),
    health_score: healthScore(view.status, percentOf(view.up, view.enabled)),
    alert: noAlerts,
    metrics: {},
    virtualservices: refs(ctx, usersOf(cache, object.uuid)),
    faults: {},
  };
}

function poolGroup(object: StoredObject, ctx: InventoryContext): Json {
  const { cache, state, link } = ctx;
  const view = poolGroupStatus(object, cache, (member) => state.pool(member).status);
  return {
    config: pick(ctx.shown(object), [
      ...ALWAYS,
      'members',
      'min_servers',
      'fail_action',
      'deactivate_primary_pool_on_down',
      'description',
    ]),
    runtime: {
      oper_status: showStatus(view.status),
      num_pools: view.members.length,
      num_pools_up: view.up,
      ...(view.current === undefined ? {} : { current_primary_pool: view.current.name }),
      ...(view.deactivated.length === 0
        ? {}
        : {
            deactivated_pools: view.deactivated.map((d) => ({
              pool_ref: link('pool', d.pool_uuid),
              se_ref: link('serviceengine', d.se_uuid),
              at: d.at,
            })),
          }),
    },
    pools: view.members.map((m) => ({
      pool_ref: link('pool', m.pool.uuid),
      ratio: m.ratio,
      priority_label: m.label,
      deactivated: m.deactivated,
      oper_status: showStatus(m.status),
    })),
    health_score: healthScore(view.status, percentOf(view.up, view.members.length)),
    alert: noAlerts,
    metrics: {},
    virtualservices: refs(ctx, usersOf(cache, object.uuid)),
    faults: {},
  };
}

function serviceEngine(object: StoredObject, ctx: InventoryContext): Json {
  const { state, cache, link } = ctx;
  const se = state.se(object.uuid);
  const view = seStatus(se?.view.enableState ?? 'enabled', se?.runtime);
  const rows = state.world.rows.filter((r) => r.se_uuid === object.uuid);
  const group = cache.get(textOf(object.spec, 'se_group_ref'));
  const op = state.operationOn(object.uuid);
  return {
    config: pick(ctx.shown(object), [
      ...ALWAYS,
      'enable_state',
      'se_group_ref',
      'mgmt_vnic',
      'hypervisor',
      'controller_created',
    ]),
    runtime: {
      oper_status: showStatus(view),
      ...seFigures(se?.runtime),
      num_virtualservices: new Set(rows.map((r) => r.vs_uuid)).size,
      max_virtualservices: numberOf(group?.spec, 'max_vs_per_se', 10),
      ...(op === undefined ? {} : { operation_uuid: op.uuid, operation_text: op.text }),
    },
    health_score: healthScore(view, 100),
    alert: noAlerts,
    metrics: {},
    virtualservices: [...new Set(rows.map((r) => r.vs_uuid))].map((uuid) => link('virtualservice', uuid)),
    faults: {},
  };
}

function serviceEngineGroup(object: StoredObject, ctx: InventoryContext): Json {
  const { state, cache } = ctx;
  const members = [...state.world.serviceEngines.values()].filter((s) => s.groupUuid === object.uuid);
  const up = members.filter((s) => s.connected).length;
  const room = capacity(state.world, object.uuid);
  const own =
    members.length === 0
      ? status('OPER_UNUSED', ['it has no service engines'])
      : status(up > 0 ? 'OPER_UP' : 'OPER_DOWN', up > 0 ? [] : ['no service engine of it is connected']);
  const users = [...cache.byKind('virtualservice')].filter((vs) => vs.spec['se_group_ref'] === object.uuid);
  return {
    config: pick(ctx.shown(object), [
      ...ALWAYS,
      'ha_mode',
      'algo',
      'min_scaleout_per_vs',
      'max_scaleout_per_vs',
      'max_vs_per_se',
      'max_se',
      'buffer_se',
      'vip_distribution',
      'vs_scalein_timeout',
    ]),
    runtime: {
      oper_status: showStatus(own),
      num_se: members.length,
      num_se_up: up,
      ...(room === undefined
        ? {}
        : {
            used_slots: room.usedSlots,
            free_slots: room.freeSlots,
            reserved_slots: room.reservedSlots,
            missing_se: room.missingServiceEngines,
          }),
    },
    serviceengines: members.map((s) => ctx.link('serviceengine', s.uuid)),
    virtualservices: refs(ctx, users),
    alert: noAlerts,
    metrics: {},
    faults: {},
  };
}

function vsVip(object: StoredObject, ctx: InventoryContext): Json {
  const { state, cache, link } = ctx;
  const users = cache
    .referrers(object.uuid)
    .flatMap((r) => (r.object.kind === 'virtualservice' ? [r.object] : []));
  const views = users.map((vs) => state.virtualService(vs));
  const first = views[0];
  return {
    config: pick(ctx.shown(object), [...ALWAYS, 'vip', 'dns_info', 'vrf_context_ref']),
    runtime: {
      oper_status: showStatus(first?.status ?? status('OPER_UNUSED', ['no virtual service uses it'])),
      vip_summary: first?.vips.map((v) => vipSummary(v, state.serviceEngines, link)) ?? [],
    },
    virtualservices: refs(ctx, users),
    faults: {},
  };
}

/** The inventories, by kind. */
export const ITEMS: Readonly<Record<string, ItemMaker>> = {
  virtualservice: virtualService,
  pool,
  poolgroup: poolGroup,
  serviceengine: serviceEngine,
  serviceenginegroup: serviceEngineGroup,
  vsvip: vsVip,
};

/** The pools whose servers an item of this kind is about. */
export function poolsBehind(cache: ObjectCache, object: StoredObject): string[] {
  if (object.kind === 'pool') return [object.uuid];
  if (object.kind === 'virtualservice') return poolsOf(cache, object);
  if (object.kind === 'poolgroup') return listOf(object.spec, 'members').map((m) => textOf(m, 'pool_ref'));
  if (object.kind === 'vsvip')
    return cache
      .referrers(object.uuid)
      .flatMap((r) => (r.object.kind === 'virtualservice' ? poolsOf(cache, r.object) : []));
  return [];
}
