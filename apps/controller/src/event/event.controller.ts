import { Controller, Get, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { EventRow } from '../database/entities/index.js';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import type { RequestContext } from '../identity/principal.js';
import { nextUrl, searchParams } from '../rest/links.js';
import { parseEventQuery } from './event-query.js';
import { EventReader, type EventTenants } from './event-reader.js';

type Json = Record<string, unknown>;

/** What happened. */
@Controller('api')
export class EventController {
  constructor(private readonly reader: EventReader) {}

  @Get('event')
  async list(@Req() request: FastifyRequest): Promise<Json> {
    const context = contextOf(request);
    const params = searchParams(request);
    const query = parseEventQuery(params);
    const { count, rows } = await this.reader.page(query, tenantsOf(context));
    const more = query.page * query.pageSize < count;
    return {
      count,
      results: rows.map(showEvent),
      ...(more ? { next: nextUrl(context.base, 'event', params, query) } : {}),
    };
  }

  /** The published log query; events are `type=2`. Connection and application logs are not kept yet. */
  @Get('analytics/logs')
  async logs(@Req() request: FastifyRequest): Promise<Json> {
    const context = contextOf(request);
    const params = searchParams(request);
    const type = params.get('type') ?? '2';
    if (type !== '2')
      throw errors.badRequest(
        'PARAMETER_INVALID',
        `Parameter type: "${type}" is not allowed. Events are type=2; connection and application logs are not kept yet.`,
        { field: 'type', value: type },
      );
    if (!params.has('page_size')) params.set('page_size', '10');
    const query = parseEventQuery(params);
    const { count, rows } = await this.reader.page(query, tenantsOf(context));
    return {
      count,
      results: rows.map(showLog),
      percent_remaining: 0,
      ...(query.from === undefined ? {} : { start: query.from.toISOString() }),
      end: (query.to ?? new Date()).toISOString(),
    };
  }
}

const tenantsOf = ({ scope }: RequestContext): EventTenants => ('uuid' in scope ? [scope.uuid] : scope.all);

const filled = (fields: Json): Json => Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== ''));

const showEvent = (row: EventRow): Json =>
  filled({
    id: row.id,
    at: row.at.toISOString(),
    event_id: row.event_id,
    obj_type: row.obj_type,
    obj_uuid: row.obj_uuid,
    obj_name: row.obj_name,
    tenant: row.tenant_uuid,
    user_name: row.user_name,
    description: row.description,
    details: row.details,
  });

const MODULES: readonly [RegExp, string][] = [
  [/^(CONFIG|USER)_/, 'CONFIG'],
  [/^(VS|VIP)_/, 'VSMGR'],
  [/^(SERVER|POOL)_/, 'SE_HM'],
  [/SE(_|$)/, 'SEMGR'],
];

/** `EventLog` of the published API. */
const showLog = (row: EventRow): Json => {
  const config = /^(CONFIG|USER)_/.test(row.event_id);
  return filled({
    report_timestamp: row.at.toISOString(),
    event_id: row.event_id,
    module: MODULES.find(([pattern]) => pattern.test(row.event_id))?.[1] ?? 'UNKNOWN',
    context: config ? 'EVENT_CONTEXT_CONFIG' : 'EVENT_CONTEXT_SYSTEM',
    internal: 'EVENT_EXTERNAL',
    obj_type: row.obj_type,
    obj_uuid: row.obj_uuid,
    obj_name: row.obj_name,
    tenant: row.tenant_uuid,
    event_description: row.description,
    event_details: { ...row.details, ...(row.user_name === '' ? {} : { user: row.user_name }) },
  });
};
