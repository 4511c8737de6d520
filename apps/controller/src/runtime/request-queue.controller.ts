import { Controller, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { QueueBase } from '../database/entities/index.js';
import { EventService } from '../event/index.js';
import { contextOf } from '../identity/request.js';
import { ObjectReader } from '../rest/object-reader.js';
import type { StoredObject } from '../store/index.js';
import { InventoryService } from './inventory.service.js';
import type { InventoryContext } from './inventory-items.js';
import { showQueue, sinceCleared, type QueueUse } from './request-queue.js';

type Json = Record<string, unknown>;

/** The connections that a pool allows its servers, and the requests that wait for them. */
@Controller('api/pool/:uuid/runtime/request_queue')
export class RequestQueueController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly inventory: InventoryService,
    private readonly objects: ObjectReader,
    private readonly events: EventService,
  ) {}

  /** Now, and since the counters were cleared; over all SEs, and for each. */
  @Get()
  async show(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const { pool, ctx } = await this.find(uuid, request);
    const uses = await this.usesOf(pool, ctx);
    const { spec } = pool;
    return {
      uuid,
      name: pool.name,
      max_concurrent_connections_per_server: spec['max_concurrent_connections_per_server'] ?? 0,
      request_queue_enabled: spec['request_queue_enabled'] === true,
      request_queue_depth: spec['request_queue_depth'],
      ...showQueue(uses),
      service_engine: uses.map((use) => ({
        se_ref: ctx.link('serviceengine', use.se_uuid),
        ...showQueue([use]),
      })),
    };
  }

  /** The counters begin at nothing; what waits now goes on waiting. */
  @Post('clear')
  @HttpCode(200)
  async clear(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const context = contextOf(request);
    const { pool, ctx } = await this.find(uuid, request);
    context.require('pool', 'write', pool.tenantUuid);
    const rows = ctx.state
      .queuesOf(pool)
      .map((use) => ({ pool_uuid: uuid, se_uuid: use.se_uuid, boot_id: use.boot_id, totals: use.totals }));
    await this.dataSource.manager.upsert(QueueBase, rows, ['pool_uuid', 'se_uuid']);
    await this.events.configActed({
      action: 'request_queue_clear',
      kind: 'pool',
      uuid,
      name: pool.name,
      tenantUuid: pool.tenantUuid,
      userName: context.principal.name,
      parameters: {},
      status: 'Success',
    });
    return {};
  }

  private async usesOf(pool: StoredObject, ctx: InventoryContext): Promise<QueueUse[]> {
    const bases = await this.dataSource.manager.findBy(QueueBase, { pool_uuid: pool.uuid });
    const bySe = new Map(bases.map((base) => [base.se_uuid, base]));
    return ctx.state.queuesOf(pool).map((use) => sinceCleared(use, bySe.get(use.se_uuid)));
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
