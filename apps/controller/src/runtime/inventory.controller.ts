import { Controller, Get, Param, Req } from '@nestjs/common';
import { isKind, type KindName } from '@spillway/model';
import type { FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import { nextUrl, searchParams } from '../rest/links.js';
import { parseListQuery } from '../rest/list-query.js';
import { ObjectReader } from '../rest/object-reader.js';
import { ITEMS } from './inventory-items.js';
import { InventoryService } from './inventory.service.js';
import { showServer } from './server-view.js';

const DEFAULT_PAGE_SIZE = '25';
/** Parameters that choose parts or times of the answer: everything is in it. */
const NOT_FILTERS = ['metric_id', 'duration', 'start', 'stop', 'limit', 'step', 'all_se', 'include_refs'];

/** `/api/<kind>-inventory`: configuration, run time and health of objects in one call. */
@Controller('api')
export class InventoryController {
  constructor(
    private readonly inventory: InventoryService,
    private readonly objects: ObjectReader,
  ) {}

  @Get(':kind-inventory')
  async list(@Param('kind') name: string, @Req() request: FastifyRequest): Promise<unknown> {
    const kind = inventoryOf(name, request);
    const context = contextOf(request);
    const params = searchParams(request);
    for (const parameter of NOT_FILTERS) params.delete(parameter);
    if (!params.has('page_size')) params.set('page_size', DEFAULT_PAGE_SIZE);
    const query = parseListQuery(params);
    const page = await this.inventory.list(kind, query, context);
    const next = page.more ? { next: nextUrl(context.base, `${kind}-inventory`, params, query) } : {};
    return { count: page.count, results: page.results, ...next };
  }

  @Get(':kind-inventory/:uuid')
  one(
    @Param('kind') name: string,
    @Param('uuid') uuid: string,
    @Req() request: FastifyRequest,
  ): Promise<unknown> {
    const context = contextOf(request);
    return this.inventory.one(this.objects.find(inventoryOf(name, request), uuid, context), context);
  }

  @Get('pool-inventory/:uuid/server/:server')
  async server(
    @Param('uuid') uuid: string,
    @Param('server') server: string,
    @Req() request: FastifyRequest,
  ): Promise<unknown> {
    const context = contextOf(request);
    const pool = this.objects.find('pool', uuid, context);
    const { state } = await this.inventory.context([pool], context);
    const found = state.pool(pool).servers.find((s) => s.id === server);
    if (found === undefined) throw errors.notFound('Server');
    const more = [state.capacities(uuid)(found), state.standing(uuid, found)] as const;
    const shown = showServer(found, state.serviceEngines, true, ...more);
    return { uuid: server, config: shown, runtime: { oper_status: shown['oper_status'] } };
  }
}

function inventoryOf(name: string, request: FastifyRequest): KindName {
  if (isKind(name) && name in ITEMS) return name;
  throw errors.noSuchPath(request.url.split('?')[0] ?? '');
}
