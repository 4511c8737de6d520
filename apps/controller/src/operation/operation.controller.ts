import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Sse,
  type MessageEvent,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { concatMap, filter, from, map, merge, of, startWith, takeWhile, type Observable } from 'rxjs';
import type { Operation } from '../database/entities/index.js';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import type { RequestContext } from '../identity/principal.js';
import { visible } from '../rest/visibility.js';
import { nextUrl, searchParams } from '../rest/links.js';
import { parseListQuery } from '../rest/list-query.js';
import { ObjectCache } from '../store/index.js';
import { heartbeat } from './heartbeat.js';
import { OperationAdmin } from './operation-admin.js';
import { OperationFeed } from './operation-feed.js';
import { OperationList } from './operation-list.js';
import { OperationStore } from './operation.store.js';
import { showOperation } from './operation-view.js';

/** Operations: what is under way and what was, one in detail, cancel, answer, and live as server-sent events. */
@Controller('api/operation')
export class OperationController {
  constructor(
    private readonly operations: OperationStore,
    private readonly listing: OperationList,
    private readonly admin: OperationAdmin,
    private readonly feed: OperationFeed,
    private readonly cache: ObjectCache,
  ) {}

  @Get()
  async list(@Req() request: FastifyRequest): Promise<unknown> {
    const context = contextOf(request);
    context.require('operation', 'read');
    const params = searchParams(request);
    const query = parseListQuery(params);
    const page = await this.listing.page(query, (op) => sees(context, op));
    const next = page.more ? { next: nextUrl(context.base, 'operation', params, query) } : {};
    return {
      count: page.count,
      results: page.results.map((op) => showOperation(op, context.base, this.cache)),
      ...next,
    };
  }

  /** Every active operation, then each change of any. */
  @Sse('watch')
  watch(@Req() request: FastifyRequest, @Query('subject_uuid') subject?: string): Observable<MessageEvent> {
    const context = contextOf(request);
    context.require('operation', 'read');
    const first = from(this.operations.active()).pipe(concatMap((ops) => from(ops)));
    const later = this.feed.changes.pipe(concatMap((uuid) => from(this.operations.find(uuid))));
    return merge(
      merge(first, later).pipe(
        filter((op) => op !== null),
        filter((op) => sees(context, op) && (subject === undefined || op.subject_uuid === subject)),
        map((op): MessageEvent => this.message(op, context)),
      ),
      heartbeat(),
    );
  }

  @Get(':uuid')
  async one(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<unknown> {
    const context = contextOf(request);
    return showOperation(await this.find(uuid, context), context.base, this.cache);
  }

  /** The operation as it is now and after each change; the stream ends when the operation has ended. */
  @Sse(':uuid/watch')
  async watchOne(
    @Param('uuid') uuid: string,
    @Req() request: FastifyRequest,
  ): Promise<Observable<MessageEvent>> {
    const context = contextOf(request);
    await this.find(uuid, context);
    const states = this.feed.changes.pipe(
      filter((changed) => changed === uuid),
      startWith(uuid),
      concatMap(() => from(this.operations.find(uuid))),
      filter((op) => op !== null),
    );
    return merge(states, heartbeat().pipe(concatMap((beat) => of(beat)))).pipe(
      takeWhile((item) => !('ended_at' in item) || item.ended_at === null, true),
      map((item): MessageEvent => ('uuid' in item ? this.message(item, context) : item)),
    );
  }

  @Post(':uuid/cancel')
  @HttpCode(200)
  async cancel(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<unknown> {
    const { op, context } = await this.writable(uuid, request);
    return showOperation(await this.admin.cancel(op.uuid), context.base, this.cache);
  }

  @Post(':uuid/answer')
  @HttpCode(200)
  async answer(
    @Param('uuid') uuid: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<unknown> {
    const { op, context } = await this.writable(uuid, request);
    return showOperation(await this.admin.answer(op.uuid, body), context.base, this.cache);
  }

  private async writable(
    uuid: string,
    request: FastifyRequest,
  ): Promise<{ op: Operation; context: RequestContext }> {
    const context = contextOf(request);
    const op = await this.find(uuid, context);
    context.require('operation', 'write', op.tenant_uuid || 'admin');
    return { op, context };
  }

  private async find(uuid: string, context: RequestContext): Promise<Operation> {
    context.require('operation', 'read');
    const op = await this.operations.find(uuid);
    if (op === null || !sees(context, op)) throw errors.notFound('Operation');
    return op;
  }

  private message(op: Operation, context: RequestContext): MessageEvent {
    return { type: 'operation', id: op.uuid, data: showOperation(op, context.base, this.cache) };
  }
}

/** A request sees the operations of its tenants. */
const sees = (context: RequestContext, op: Operation): boolean =>
  visible(context.scope, {
    kind: 'virtualservice',
    tenantUuid: op.tenant_uuid === '' ? 'admin' : op.tenant_uuid,
    systemDefault: false,
  } as never);
