import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../identity/principal.js';
import type { FieldReport } from './field-report.js';
import { searchParams } from './links.js';
import { flag } from './list-query.js';
import type { Writing } from './object-writer.js';

/** How a request writes: for whom, in which tenant, how strictly. */
export function writingOf(
  context: RequestContext,
  request: Pick<FastifyRequest, 'url'>,
  report: FieldReport,
): Writing {
  return {
    userName: context.principal.name,
    tenantUuid: context.tenantUuid,
    strict: flag(searchParams(request), 'strict'),
    report,
    allow: (kind, tenantUuid) => context.require(kind, 'write', tenantUuid),
  };
}
