import { Body, Controller, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { EventService } from '../event/index.js';
import { contextOf } from '../identity/request.js';
import { ObjectReader } from '../rest/object-reader.js';
import { InventoryService } from '../runtime/inventory.service.js';
import { PrimaryPoolsService } from './primary-pools.service.js';

type Json = Record<string, unknown>;

/** What runs of a pool group, and the way back to its primary pool. */
@Controller('api/poolgroup')
export class PoolGroupController {
  constructor(
    private readonly objects: ObjectReader,
    private readonly inventory: InventoryService,
    private readonly primaries: PrimaryPoolsService,
    private readonly events: EventService,
  ) {}

  @Get(':uuid/runtime')
  async runtime(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const context = contextOf(request);
    const object = this.objects.find('poolgroup', uuid, context);
    const item = await this.inventory.one(object, context);
    return { uuid, name: object.name, ...(item['runtime'] as Json), pools: item['pools'] };
  }

  /** Pools that were deactivated when they went down are used again; `pool_uuid` names one, else all. */
  @Post(':uuid/enable_primary_pool/clear')
  @HttpCode(200)
  async clear(
    @Param('uuid') uuid: string,
    @Body() body: Json | undefined,
    @Req() request: FastifyRequest,
  ): Promise<Json> {
    const context = contextOf(request);
    const group = this.objects.find('poolgroup', uuid, context);
    context.require('poolgroup', 'write', group.tenantUuid);
    if (group.spec['deactivate_primary_pool_on_down'] !== true)
      throw errors.badRequest(
        'NOTHING_TO_CLEAR',
        `PoolGroup ${group.name} deactivates no pool. Set deactivate_primary_pool_on_down, or leave it at that.`,
      );
    const wanted = body?.['pool_uuid'];
    if (wanted !== undefined && (typeof wanted !== 'string' || wanted === ''))
      throw errors.badRequest(
        'FIELD_INVALID',
        'Field check for pool_uuid failed : it is the uuid of a pool.',
        {
          field: 'pool_uuid',
        },
      );
    const enabled = await this.primaries.clear(uuid, wanted);
    this.events.note({
      eventId: 'CONFIG_ACTION',
      kind: 'poolgroup',
      objUuid: uuid,
      objName: group.name,
      tenantUuid: group.tenantUuid,
      userName: context.principal.name,
      description: `enable_primary_pool of PoolGroup ${group.name}`,
      details: { action: 'enable_primary_pool', pools: enabled },
    });
    return { status: 'cleared', pools: enabled };
  }
}
