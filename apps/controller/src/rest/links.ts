import type { FastifyRequest } from 'fastify';
import type { ListQuery } from './list-query.js';

/** The query of a request. A space may stand unescaped, as some clients send it. */
export function searchParams(request: Pick<FastifyRequest, 'url'>): URLSearchParams {
  const mark = request.url.indexOf('?');
  return new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1));
}

/** The absolute URL of the page after this one, with every other parameter as it was. */
export function nextUrl(
  base: string,
  path: string,
  params: URLSearchParams,
  query: Pick<ListQuery, 'page' | 'pageSize'>,
): string {
  const next = new URLSearchParams(params);
  next.set('page', String(query.page + 1));
  next.set('page_size', String(query.pageSize));
  return `${base}/api/${path}?${next.toString()}`;
}
