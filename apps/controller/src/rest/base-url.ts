import type { FastifyRequest } from 'fastify';

const HOST = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** `https://host` as the client called it: links in replies start with it. */
export function baseOf(request: Pick<FastifyRequest, 'headers' | 'raw'>): string {
  const { host } = request.headers;
  if (host !== undefined && HOST.test(host)) return `https://${host}`;
  const { localAddress = '127.0.0.1', localPort = 443 } = request.raw.socket;
  return `https://${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
}
