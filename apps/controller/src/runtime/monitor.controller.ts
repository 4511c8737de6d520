import { Controller, Get, Param, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import { ObjectReader } from '../rest/object-reader.js';
import { MONITOR_SPANS } from '../se-channel/monitor-counts.js';
import type { StoredObject } from '../store/index.js';
import { InventoryService } from './inventory.service.js';
import type { InventoryContext } from './inventory-items.js';
import { MonitorReader } from './monitor-reader.js';
import { monitorOfPool, serverMonitors } from './monitor-view.js';

type Json = Record<string, unknown>;

/** Seconds over which checks are counted unless asked otherwise. */
const WINDOW = 900;
const SHORTEST = MONITOR_SPANS[0]![0];
const LONGEST = MONITOR_SPANS.at(-1)![1];

/** What health monitors say of the servers of a pool, now and over time. */
@Controller('api/pool/:uuid')
export class MonitorController {
  constructor(
    private readonly inventory: InventoryService,
    private readonly objects: ObjectReader,
    private readonly monitors: MonitorReader,
  ) {}

  /** Per server and monitor: success over `window` seconds, and each SE's last check; `server` names one server. */
  @Get('runtime/server/hmonstat')
  async servers(
    @Param('uuid') uuid: string,
    @Query('server') server: string | undefined,
    @Query('window') windowText: string | undefined,
    @Req() request: FastifyRequest,
  ): Promise<Json> {
    const window = windowOf(windowText);
    const { pool, ctx } = await this.find(uuid, request);
    const all = ctx.state.pool(pool).servers;
    const wanted = server === undefined ? all : all.filter((s) => s.id === server);
    if (server !== undefined && wanted.length === 0) throw errors.notFound('Server');
    const facts = await this.monitors.read(pool, server ?? '', window, ctx);
    const results = wanted.map((s) => serverMonitors(s, facts));
    return { uuid, name: pool.name, window, count: results.length, results };
  }

  /** Per monitor, over all servers of the pool. */
  @Get('hmon')
  async pool(
    @Param('uuid') uuid: string,
    @Query('window') windowText: string | undefined,
    @Req() request: FastifyRequest,
  ): Promise<Json> {
    const window = windowOf(windowText);
    const { pool, ctx } = await this.find(uuid, request);
    const facts = await this.monitors.read(pool, '', window, ctx);
    const results = facts.monitors.map((m) => monitorOfPool(m, facts));
    return { uuid, name: pool.name, window, count: results.length, results };
  }

  private async find(
    uuid: string,
    request: FastifyRequest,
  ): Promise<{ pool: StoredObject; ctx: InventoryContext }> {
    const context = contextOf(request);
    const pool = this.objects.find('pool', uuid, context);
    return { pool, ctx: await this.inventory.context([pool], context) };
  }
}

function windowOf(text: string | undefined): number {
  const window = Number(text ?? WINDOW);
  if (!Number.isInteger(window) || window < SHORTEST || window > LONGEST)
    throw errors.badRequest(
      'WINDOW_INVALID',
      `window must be ${SHORTEST} to ${LONGEST} seconds, not ${text}`,
    );
  return window;
}
