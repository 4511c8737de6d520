import { Body, Controller, Delete, Get, Param, Patch, Post, Put, Req, Res } from '@nestjs/common';
import { isKind, kinds, type KindName } from '@spillway/model';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import { ObjectStore, type Spec } from '../store/index.js';
import { FieldReport } from './field-report.js';
import { parseListQuery, parseRepresentation } from './list-query.js';
import { nextUrl, searchParams } from './links.js';
import { ObjectReader } from './object-reader.js';
import { ObjectWriter, type Writing } from './object-writer.js';
import { patchedBody } from './patch.js';
import { slugOf } from './slug.js';
import { urlOf } from './representation.js';
import { writingOf } from './writing.js';

/** The surface of every kind: the same code for all, the differences come from the model and from hooks. */
@Controller('api')
export class ObjectController {
  constructor(
    private readonly reader: ObjectReader,
    private readonly writer: ObjectWriter,
    private readonly store: ObjectStore,
  ) {}

  @Get(':kind')
  async list(
    @Param('kind') name: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const kind = kindOf(name, request);
    const context = contextOf(request);
    const params = searchParams(request);
    if (kinds[kind].singleton) {
      const object = this.reader.singleton(kind);
      context.require(kind, 'read', object.tenantUuid);
      return this.reader.showOne(object, parseRepresentation(params), context.base);
    }
    void reply.header('Allow', 'GET, POST, HEAD, OPTIONS');
    const query = parseListQuery(params);
    const page = await this.reader.list(kind, query, context);
    const next = page.more ? { next: nextUrl(context.base, kind, params, query) } : {};
    return { count: page.count, results: page.results, ...next };
  }

  @Get(':kind/:uuid')
  async one(
    @Param('kind') name: string,
    @Param('uuid') uuid: string,
    @Req() request: FastifyRequest,
  ): Promise<Spec> {
    const context = contextOf(request);
    return this.reader.one(kindOf(name, request), uuid, parseRepresentation(searchParams(request)), context);
  }

  @Post(':kind')
  async create(
    @Param('kind') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Spec> {
    const kind = kindOf(name, request);
    if (kinds[kind].singleton) throw errors.methodNotAllowed('POST');
    const { writing, answer } = this.begin(request, reply);
    const read = await this.writer.read(kind, body, writing);
    const uuid = slugOf(kind, request.headers['slug'], read.uuid, this.reader);
    const object = await this.store.transaction((tx) => this.writer.create(tx, read, writing, uuid));
    const context = contextOf(request);
    void reply.status(201).header('Location', encodeURI(urlOf(context.base, object, true)));
    return answer(object.uuid);
  }

  @Put(':kind')
  replaceSingleton(
    @Param('kind') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Spec> {
    return this.replace(name, this.singletonUuid(name, request, 'PUT'), body, request, reply);
  }

  @Patch(':kind')
  patchSingleton(
    @Param('kind') name: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Spec> {
    return this.patch(name, this.singletonUuid(name, request, 'PATCH'), body, request, reply);
  }

  @Delete(':kind')
  removeAll(@Param('kind') name: string, @Req() request: FastifyRequest): never {
    kindOf(name, request);
    throw errors.methodNotAllowed('DELETE');
  }

  @Put(':kind/:uuid')
  async replace(
    @Param('kind') name: string,
    @Param('uuid') uuid: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Spec> {
    const kind = kindOf(name, request);
    const { writing, answer } = this.begin(request, reply);
    const before = this.reader.find(kind, uuid, contextOf(request));
    const read = await this.writer.read(kind, body, writing, before);
    const object = await this.store.transaction((tx) => this.writer.replace(tx, uuid, read, writing));
    return answer(object.uuid);
  }

  @Patch(':kind/:uuid')
  async patch(
    @Param('kind') name: string,
    @Param('uuid') uuid: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Spec> {
    const kind = kindOf(name, request);
    const { writing, answer } = this.begin(request, reply);
    const context = contextOf(request);
    this.reader.find(kind, uuid, context);
    // Read, change and written under one lock, so that two patches of one object never lose each other's change.
    const object = await this.store.transaction(async (tx) => {
      const before = tx.get(uuid);
      if (!before) throw errors.notFound(kinds[kind].type);
      const changed = patchedBody(kind, before, body, tx, context.tenantUuid, writing);
      // The patch has said what it has to say of its own fields; the rest was there before.
      const untold = { ...writing, strict: false, report: new FieldReport() };
      const read = await this.writer.read(kind, changed, untold, before);
      return this.writer.replace(tx, uuid, read, writing);
    });
    return answer(object.uuid);
  }

  @Delete(':kind/:uuid')
  async remove(
    @Param('kind') name: string,
    @Param('uuid') uuid: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const kind = kindOf(name, request);
    if (kinds[kind].singleton) throw errors.methodNotAllowed('DELETE');
    const context = contextOf(request);
    const writing = writingOf(context, request, new FieldReport());
    this.reader.find(kind, uuid, context);
    await this.store.transaction((tx) => this.writer.remove(tx, kind, uuid, writing));
    void reply.status(204);
  }

  private singletonUuid(name: string, request: FastifyRequest, method: string): string {
    const kind = kindOf(name, request);
    if (!kinds[kind].singleton) throw errors.methodNotAllowed(method);
    return this.reader.singleton(kind).uuid;
  }

  /** How to write for this request, and how to answer what was written: as stored, `#name` on every link. */
  private begin(
    request: FastifyRequest,
    reply: FastifyReply,
  ): { writing: Writing; answer: (uuid: string) => Promise<Spec> } {
    const context = contextOf(request);
    const report = new FieldReport();
    const writing = writingOf(context, request, report);
    const as = { ...parseRepresentation(searchParams(request)), includeName: true };
    return {
      writing,
      answer: async (uuid) => {
        for (const [name, value] of Object.entries(report.headers())) void reply.header(name, value);
        return this.reader.shown(uuid, as, context.base);
      },
    };
  }
}

/** The kind that a path names, or a 404. */
function kindOf(name: string, request: FastifyRequest): KindName {
  if (isKind(name)) return name;
  throw errors.noSuchPath(request.url.split('?')[0] ?? '');
}
