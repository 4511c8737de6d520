import { METHOD } from '../../http1/head.js';
import type { Exchange } from '../exchange.js';
import type { Message } from '../message.js';
import { emptyResponse } from '../own-response.js';
import type { SomeRules } from '../rules.js';

/**
 * Sends clients that come without TLS to the same place with it: with 302, or with 307 where another method than GET
 * must not turn into one (RFC 9110 section 15.4.3).
 */
export const httpsRedirect = (port: number): SomeRules => ({
  onRequest(x: Exchange, message: Message): boolean {
    if (x.connection.tls !== null) return true;
    const { methodId } = message;
    const status = methodId === METHOD.GET || methodId === METHOD.HEAD ? 302 : 307;
    x.answer(emptyResponse(status, [['Location', secureUrl(x, message, port)]]));
    return false;
  },
});

function secureUrl(x: Exchange, message: Message, port: number): string {
  const { localAddress } = x.connection.ends;
  const named = hostName(message.host);
  const host = named !== '' ? named : localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  const { path, query } = message;
  const target = path === '*' ? '/' : path;
  return `https://${host}${port === 443 ? '' : `:${port}`}${target}${query === '' ? '' : `?${query}`}`;
}

/** A host without its port. */
export const hostName = (host: string): string => /^(\[[^\]]*\]|[^:]*)/.exec(host)![0];
