import { Body, Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { contextOf } from '../identity/request.js';
import { FieldReport } from '../rest/field-report.js';
import { ObjectReader } from '../rest/object-reader.js';
import { writingOf } from '../rest/writing.js';
import { ObjectCache, type StoredObject } from '../store/index.js';
import type { Operation } from '../database/entities/index.js';
import { actionInput } from './action-input.js';
import { ActionService, type ActionInput, type ActionName } from './action.service.js';
import { showOperation } from './operation-view.js';

/** Actions on virtual services. The reply names the operation that carries the action out. */
@Controller('api/virtualservice')
export class ActionController {
  constructor(
    private readonly actions: ActionService,
    private readonly objects: ObjectReader,
    private readonly cache: ObjectCache,
  ) {}

  @Post(':uuid/scaleout')
  @HttpCode(200)
  scaleout(
    @Param('uuid') uuid: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.act('scaleout', uuid, body, request, reply);
  }

  @Post(':uuid/scalein')
  @HttpCode(200)
  scalein(
    @Param('uuid') uuid: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.act('scalein', uuid, body, request, reply);
  }

  @Post(':uuid/migrate')
  @HttpCode(200)
  migrate(
    @Param('uuid') uuid: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.act('migrate', uuid, body, request, reply);
  }

  @Post(':uuid/switchover')
  @HttpCode(200)
  switchover(
    @Param('uuid') uuid: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.act('switchover', uuid, body, request, reply);
  }

  @Post(':uuid/retryplacement')
  @HttpCode(200)
  async retryPlacement(
    @Param('uuid') uuid: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const vs = this.writable(uuid, request);
    const { vipId } = this.read('retryplacement', body, request, reply);
    return this.answer(await this.actions.retryPlacement(vs, vipId), request);
  }

  /** An action keeps no objects: published clients look for one of a name before they post. */
  @Get(['scaleout', 'scalein', 'migrate', 'switchover', 'retryplacement'].map((action) => `:uuid/${action}`))
  nothing(@Param('uuid') uuid: string, @Req() request: FastifyRequest): { count: 0; results: [] } {
    this.objects.find('virtualservice', uuid, contextOf(request));
    return { count: 0, results: [] };
  }

  private async act(
    action: ActionName,
    uuid: string,
    body: unknown,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<unknown> {
    const vs = this.writable(uuid, request);
    const input = this.read(action, body, request, reply);
    const op = await this.actions.act(action, vs, input, contextOf(request).principal.name);
    return this.answer(op, request);
  }

  private read(
    action: ActionName | 'retryplacement',
    body: unknown,
    request: FastifyRequest,
    reply: FastifyReply,
  ): ActionInput {
    const writing = writingOf(contextOf(request), request, new FieldReport());
    const input = actionInput(action, body, this.cache, writing);
    void reply.headers(writing.report.headers());
    return input;
  }

  private writable(uuid: string, request: FastifyRequest): StoredObject {
    const context = contextOf(request);
    const vs = this.objects.find('virtualservice', uuid, context);
    context.require('virtualservice', 'write', vs.tenantUuid);
    return vs;
  }

  private answer(op: Operation | undefined, request: FastifyRequest): unknown {
    const { base } = contextOf(request);
    if (op === undefined) return { status: 'nothing waits' };
    return {
      operation_uuid: op.uuid,
      operation_url: `${base}/api/operation/${op.uuid}`,
      operation: showOperation(op, base, this.cache),
    };
  }
}
