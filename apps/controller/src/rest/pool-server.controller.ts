import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import { ObjectStore, type Spec, type StoredObject } from '../store/index.js';
import { FieldReport } from './field-report.js';
import { choiceOf, choicesOf, chosen } from './kinds/server-choice.js';
import { addressOf, serversIn } from './kinds/pool-servers.js';
import { ObjectReader } from './object-reader.js';
import { ObjectWriter } from './object-writer.js';
import { writingOf } from './writing.js';

/** What becomes of the list of servers of a pool. */
type Change = (pool: StoredObject, body: Spec) => readonly Spec[];

/**
 * Servers of a pool by action (pools document, Changing Server Status): what a client of many would otherwise do by
 * reading the pool and writing it back, as one change.
 */
@Controller('api/pool')
export class PoolServerController {
  constructor(
    private readonly store: ObjectStore,
    private readonly objects: ObjectReader,
    private readonly writer: ObjectWriter,
  ) {}

  /** `graceful: true` lets what is under way end within the pool's time-out, otherwise it is reset. */
  @Post(':uuid/server/disable')
  @HttpCode(200)
  disable(@Param('uuid') uuid: string, @Body() body: unknown, @Req() request: FastifyRequest): Promise<Spec> {
    const graceful = bodyOf(body)['graceful'] ?? false;
    if (typeof graceful !== 'boolean')
      throw errors.badRequest(
        'FIELD_INVALID',
        `Field check for graceful failed : ${JSON.stringify(graceful)} is not allowed. Set it to true or false`,
        { field: 'graceful' },
      );
    return this.change(uuid, body, request, set({ enabled: false, disable_immediately: !graceful }));
  }

  @Post(':uuid/server/enable')
  @HttpCode(200)
  enable(@Param('uuid') uuid: string, @Body() body: unknown, @Req() request: FastifyRequest): Promise<Spec> {
    return this.change(uuid, body, request, set({ enabled: true, disable_immediately: false }));
  }

  @Post(':uuid/server/remove')
  @HttpCode(200)
  remove(@Param('uuid') uuid: string, @Body() body: unknown, @Req() request: FastifyRequest): Promise<Spec> {
    return this.change(uuid, body, request, (pool, sent) => {
      const places = chosen(pool, choicesOf(sent));
      return serversIn(pool.spec).filter((_, i) => !places.has(i));
    });
  }

  /** Addresses, ranges and names as texts, or servers as a pool has them. */
  @Post(':uuid/server/add')
  @HttpCode(200)
  add(@Param('uuid') uuid: string, @Body() body: unknown, @Req() request: FastifyRequest): Promise<Spec> {
    return this.change(uuid, body, request, (pool, sent) => {
      const given = sent['servers'];
      if (!Array.isArray(given) || given.length === 0) choicesOf(sent);
      return [...serversIn(pool.spec), ...(given as unknown[]).map((one, i) => serverOf(one, i))];
    });
  }

  private async change(uuid: string, body: unknown, request: FastifyRequest, change: Change): Promise<Spec> {
    const context = contextOf(request);
    const writing = writingOf(context, request, new FieldReport());
    this.objects.find('pool', uuid, context);
    const object = await this.store.transaction(async (tx) => {
      const before = tx.get(uuid);
      if (before === undefined) throw errors.notFound('Pool');
      writing.allow('pool', before.tenantUuid);
      const servers = change(before, bodyOf(body));
      // What the pool was before is not what is asked for here.
      const untold = { ...writing, strict: false, report: new FieldReport() };
      const read = await this.writer.read('pool', { ...before.spec, servers }, untold, before);
      return this.writer.replace(tx, uuid, read, writing);
    });
    const servers = serversIn(object.spec);
    return { uuid, name: object.name, count: servers.length, servers };
  }
}

const bodyOf = (body: unknown): Spec =>
  typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Spec) : {};

const set =
  (values: Spec): Change =>
  (pool, body) => {
    const places = chosen(pool, choicesOf(body));
    return serversIn(pool.spec).map((server, i) => (places.has(i) ? { ...server, ...values } : server));
  };

/** A server as it stands in a pool, from a text or as it was sent. */
function serverOf(one: unknown, index: number): Spec {
  if (typeof one !== 'string') {
    if (typeof one === 'object' && one !== null && addressOf(one as Spec) !== '') return one as Spec;
    choicesOf({ servers: [one] });
  }
  const choice = choiceOf(String(one));
  if (choice === undefined)
    throw errors.badRequest(
      'FIELD_INVALID',
      `Field check for servers[${index}] failed : ${JSON.stringify(one)} is not a server. Write an address, a range of addresses or a name, with :port behind it where it has its own`,
      { field: `servers[${index}]` },
    );
  const { address, port } = choice;
  const isAddress = /^[\d.]+(\s*-\s*[\d.]+)?$/.test(address) || address.includes(':');
  const type = address.includes(':') ? 'V6' : isAddress ? 'V4' : 'DNS';
  return {
    ip: { addr: address, type },
    ...(type === 'DNS' ? { resolve_server_by_dns: true } : {}),
    ...(port === undefined ? {} : { port }),
  };
}
