import { Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { PlacementRow, type Operation } from '../database/entities/index.js';
import { ApiError } from '../errors.js';
import { EventService } from '../event/index.js';
import { contextOf } from '../identity/request.js';
import { ObjectReader } from '../rest/object-reader.js';
import { ObjectCache, type StoredObject } from '../store/index.js';
import { ActionService } from './action.service.js';
import { OperationRunner } from './operation-runner.js';
import { OperationStore } from './operation.store.js';
import { showOperation } from './operation-view.js';

type Json = Record<string, unknown>;

/** Actions on service engines. */
@Controller('api/serviceengine')
export class SeActionController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly actions: ActionService,
    private readonly operations: OperationStore,
    private readonly runner: OperationRunner,
    private readonly events: EventService,
    private readonly objects: ObjectReader,
    private readonly cache: ObjectCache,
  ) {}

  /** Every virtual service whose primary it is gets another primary; those that cannot are named with the reason. */
  @Post(':uuid/switchover')
  @HttpCode(200)
  async switchover(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const se = this.writable(uuid, request);
    const context = contextOf(request);
    const rows = await this.dataSource.manager.findBy(PlacementRow, { se_uuid: se.uuid, primary: true });
    const started: Json[] = [];
    const refused: Json[] = [];
    for (const row of rows) {
      const vs = this.cache.get(row.vs_uuid);
      if (vs === undefined) continue;
      try {
        const op = await this.actions.act('switchover', vs, { vipId: row.vip_id }, context.principal.name);
        started.push(showOperation(op, context.base, this.cache));
      } catch (err) {
        if (!(err instanceof ApiError)) throw err;
        refused.push({ virtualservice: vs.name, vip_id: row.vip_id, code: err.code, error: err.message });
      }
    }
    return { operations: started, ...(refused.length === 0 ? {} : { refused }) };
  }

  /** Gives the SE up at once: nothing is moved first, its connections are lost; others take over what it carried. */
  @Post(':uuid/forcedelete')
  @HttpCode(200)
  async forceDelete(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<Json> {
    const se = this.writable(uuid, request);
    const { base, principal } = contextOf(request);
    const op = await this.dataSource.transaction((manager) => this.beginDelete(manager, se, principal.name));
    await this.events.configActed({
      action: 'forcedelete',
      kind: 'serviceengine',
      uuid: se.uuid,
      name: se.name,
      tenantUuid: se.tenantUuid,
      userName: principal.name,
      parameters: {},
      status: 'Success',
    });
    this.runner.wake(op.uuid);
    return {
      operation_uuid: op.uuid,
      operation_url: `${base}/api/operation/${op.uuid}`,
      operation: showOperation(op, base, this.cache),
    };
  }

  /** An evacuation that is under way gives way: the end it works for comes at once. */
  private async beginDelete(
    manager: Parameters<OperationStore['insert']>[0],
    se: StoredObject,
    userName: string,
  ): Promise<Operation> {
    const [active] = await this.operations.activeOf(se.uuid, manager);
    if (active !== undefined) {
      const row = await this.operations.lock(manager, active.uuid);
      if (row !== undefined && row.ended_at === null) {
        if (row.type !== 'evacuate_se')
          throw new ApiError(
            409,
            'OPERATION_RUNNING',
            `Operation ${row.uuid} (${row.type}) runs on service engine ${se.name}: wait for it or cancel it.`,
          );
        row.state = 'cancelled';
        row.error_code = 'SUPERSEDED';
        row.error = 'the service engine is deleted by force';
        row.text = 'Cancelled';
        row.ended_at = new Date();
        await this.operations.save(manager, row);
      }
    }
    const op = await this.operations.insert(manager, {
      type: 'delete_se',
      subjectUuid: se.uuid,
      subjectName: se.name,
      tenantUuid: se.tenantUuid,
      params: { force: true },
      requestedBy: userName,
    });
    if (op === undefined)
      throw new ApiError(409, 'OPERATION_RUNNING', `An operation on ${se.name} has just begun.`);
    return op;
  }

  private writable(uuid: string, request: FastifyRequest): StoredObject {
    const context = contextOf(request);
    const se = this.objects.find('serviceengine', uuid, context);
    context.require('serviceengine', 'write', se.tenantUuid);
    return se;
  }
}
