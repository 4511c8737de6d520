import { Controller, Get, Param, Query, Req } from '@nestjs/common';
import { candidates, plan } from '@spillway/placement';
import type { FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import { OperationList } from '../operation/operation-list.js';
import { Inspections } from '../se-channel/inspections.js';
import { SeSessions } from '../se-channel/sessions.js';
import { ObjectReader } from '../rest/object-reader.js';
import type { StoredObject } from '../store/index.js';
import { InventoryService } from './inventory.service.js';
import type { InventoryContext } from './inventory-items.js';
import { excessOf } from './capacities.js';
import { healthScore, showStatus } from './oper-status.js';
import { scaleStatus } from './scale-status.js';
import { seFigures, seStatus } from './se-status.js';
import { serversOf, showName } from './server-view.js';
import { assigned, percentUp, vipRuntime, vipSummary } from './vip-summary.js';

type Json = Record<string, unknown>;

/** Connections that are shown, and at most. */
const FLOWS = 1000;
const MOST_FLOWS = 10_000;

const PROFILE = 'applicationpersistenceprofile';

/** What runs of one object. */
@Controller('api')
export class RuntimeController {
  constructor(
    private readonly inventory: InventoryService,
    private readonly objects: ObjectReader,
    private readonly operations: OperationList,
    private readonly sessions: SeSessions,
    private readonly inspections: Inspections,
  ) {}

  @Get('virtualservice/:uuid/runtime')
  virtualService(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    return this.vsRuntime(uuid, request, false);
  }

  @Get('virtualservice/:uuid/runtime/detail')
  virtualServiceDetail(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    return this.vsRuntime(uuid, request, true);
  }

  /** The scale of each VIP: what runs on it, or what ran last. */
  @Get('virtualservice/:uuid/scaleoutstatus')
  async scaleStatus(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const { object, ctx } = await this.find('virtualservice', uuid, request);
    const view = ctx.state.virtualService(object);
    const last = await this.operations.lastOf(uuid);
    return {
      uuid,
      vip_scale_status: view.vips.map((vip) => {
        const op = vip.operation ?? last.get(vip.vipId);
        const numbers = { assigned: assigned(vip.rows).length, requested: vip.numSeRequested };
        return {
          vip_id: vip.vipId,
          num_se_assigned: numbers.assigned,
          num_se_requested: numbers.requested,
          ...(op === undefined ? {} : { scale_status: scaleStatus(op, numbers, ctx.link) }),
        };
      }),
    };
  }

  /** Where each VIP is, where it could go, and why not elsewhere. */
  @Get('virtualservice/:uuid/placement/summary')
  async placement(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const { ctx } = await this.find('virtualservice', uuid, request);
    const { world } = ctx.state;
    const vs = world.virtualServices.get(uuid);
    if (vs === undefined) throw errors.notFound('VirtualService');
    return {
      uuid,
      vips: vs.vips.map(({ vipId }) => {
        const found = candidates(world, { vs, vipId });
        return {
          vip_id: vipId,
          placed_on: world.rows.flatMap((r) =>
            r.vs_uuid === uuid && r.vip_id === vipId ? [ctx.link('serviceengine', r.se_uuid)] : [],
          ),
          candidates: found.ranked.map((se) => ctx.link('serviceengine', se)),
          not_candidates: found.refused.map((r) => ({
            se_ref: ctx.link('serviceengine', r.se),
            code: r.code,
            reason: r.reason,
          })),
          next: plan(world, vs, uuid, vipId).do,
        };
      }),
    };
  }

  @Get('pool/:uuid/runtime')
  pool(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    return this.poolRuntime(uuid, request, false);
  }

  @Get('pool/:uuid/runtime/detail')
  poolDetail(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    return this.poolRuntime(uuid, request, true);
  }

  @Get('pool/:uuid/runtime/server')
  async servers(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const { object, ctx } = await this.find('pool', uuid, request);
    const servers = serversOf(object, ctx.state, false);
    return { count: servers.length, results: servers };
  }

  @Get('pool/:uuid/runtime/server/detail')
  async serversInDetail(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const { object, ctx } = await this.find('pool', uuid, request);
    const servers = serversOf(object, ctx.state, true);
    return { count: servers.length, results: servers };
  }

  /** How clients of the pool are led back to their server, and how many each SE knows. */
  @Get(['pool/:uuid/runtime/persistence', 'pool/:uuid/persistence'])
  async persistence(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const { object, ctx } = await this.find('pool', uuid, request);
    const ref = object.spec['application_persistence_profile_ref'];
    const profile = typeof ref === 'string' ? this.objects.find(PROFILE, ref, contextOf(request)) : undefined;
    return {
      uuid,
      name: object.name,
      ...(profile === undefined
        ? {}
        : {
            application_persistence_profile_ref: ctx.link(PROFILE, profile.uuid),
            persistence_type: profile.spec['persistence_type'],
          }),
      service_engine: ctx.state.persistenceOf(object).map(({ se_uuid, ...use }) => ({
        se_ref: ctx.link('serviceengine', se_uuid),
        ...use,
      })),
    };
  }

  @Get('serviceengine/:uuid/runtime')
  async serviceEngine(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const { object, ctx } = await this.find('serviceengine', uuid, request);
    const se = ctx.state.se(uuid);
    const rows = ctx.state.world.rows.filter((r) => r.se_uuid === uuid);
    return {
      uuid,
      name: object.name,
      oper_status: showStatus(seStatus(se?.view.enableState ?? 'enabled', se?.runtime)),
      ...seFigures(se?.runtime),
      virtualservice: rows.map((r) => ({
        ref: ctx.link('virtualservice', r.vs_uuid),
        vip_id: r.vip_id,
        primary: r.primary,
        desired: r.desired,
        observed: r.observed,
        connections_left: Number(r.connections_left),
        ...(r.reason === '' ? {} : { reason: r.reason }),
        ...(r.holder === '' ? {} : { holder: r.holder }),
      })),
    };
  }

  /** What the connections of an SE are doing: `vs_uuid` names one virtual service, `limit` how many (1 to 10000). */
  @Get('serviceengine/:uuid/flowtable')
  async flowTable(
    @Param('uuid') uuid: string,
    @Query('vs_uuid') vsUuid: string | undefined,
    @Query('limit') limitText: string | undefined,
    @Req() request: FastifyRequest,
  ): Promise<Json> {
    const context = contextOf(request);
    const { name } = this.objects.find('serviceengine', uuid, context);
    if (vsUuid !== undefined) this.objects.find('virtualservice', vsUuid, context);
    const limit = Number(limitText ?? FLOWS);
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_FLOWS)
      throw errors.badRequest('LIMIT_INVALID', `limit must be 1 to ${MOST_FLOWS}, not ${limitText}`);
    const session = this.sessions.get(uuid);
    if (session === undefined)
      throw errors.unavailable(`service engine ${name} is not connected to this controller`);
    const found = await this.inspections.ask(session, vsUuid ?? '', limit);
    const mayShow = this.visibleServices(request);
    const results = found.connections.filter((c) => mayShow(String(c['virtual_service_uuid'])));
    const { truncated, silent_workers } = found;
    return { uuid, name, count: results.length, results, truncated, silent_workers };
  }

  /** An SE serves several tenants: who asks is shown the connections of what he may see. */
  private visibleServices(request: FastifyRequest): (uuid: string) => boolean {
    const context = contextOf(request);
    const known = new Map<string, boolean>();
    return (uuid) => {
      let visible = known.get(uuid);
      if (visible === undefined) {
        try {
          visible = this.objects.find('virtualservice', uuid, context) !== undefined;
        } catch {
          visible = false;
        }
        known.set(uuid, visible);
      }
      return visible;
    };
  }

  private async vsRuntime(uuid: string, request: FastifyRequest, detail: boolean): Promise<Json> {
    const { object, ctx } = await this.find('virtualservice', uuid, request);
    const view = ctx.state.virtualService(object);
    const ses = ctx.state.serviceEngines;
    const percents = view.vips.map((v) => percentUp(v, ses));
    const percent = percents.length === 0 ? 0 : Math.min(...percents);
    const last = detail ? await this.operations.lastOf(uuid) : undefined;
    return {
      uuid,
      name: object.name,
      oper_status: showStatus(view.status),
      percent_ses_up: percent,
      vip_summary: view.vips.map((v) => vipSummary(v, ses, ctx.link, last?.get(v.vipId))),
      ...(detail
        ? {
            vip_runtime: view.vips.map(vipRuntime),
            health_score: healthScore(view.status, percent),
            pools: view.pools.map((p) => ctx.link('pool', p)),
          }
        : {}),
    };
  }

  private async poolRuntime(uuid: string, request: FastifyRequest, detail: boolean): Promise<Json> {
    const { object, ctx } = await this.find('pool', uuid, request);
    const view = ctx.state.pool(object);
    return {
      uuid,
      name: object.name,
      oper_status: showStatus(view.status),
      num_servers: view.servers.length,
      num_servers_enabled: view.enabled,
      num_servers_up: view.up,
      num_servers_throttled: view.servers.filter((s) => s.throttles.length > 0).length,
      ...excessOf(view.servers.map(ctx.state.capacities(uuid))),
      ...(detail
        ? {
            server: serversOf(object, ctx.state, true),
            resolved_names: ctx.state.resolvedNames(object).map(showName),
          }
        : {}),
    };
  }

  private async find(
    kind: 'virtualservice' | 'pool' | 'serviceengine',
    uuid: string,
    request: FastifyRequest,
  ): Promise<{ object: StoredObject; ctx: InventoryContext }> {
    const context = contextOf(request);
    const object = this.objects.find(kind, uuid, context);
    return { object, ctx: await this.inventory.context([object], context) };
  }
}
