import type { HeadEdits } from '../edits.js';
import type { Exchange } from '../exchange.js';
import type { Message } from '../message.js';
import type { SomeRules } from '../rules.js';
import { hostName } from './https-redirect.js';

/**
 * A server behind us may not know that its clients use TLS and redirect them to http. Where it means its own host,
 * they are redirected to https, under the host and port that they asked for.
 */
export class HttpsLocations implements SomeRules {
  onRequest(x: Exchange, message: Message): boolean {
    if (x.connection.tls !== null) x.host = message.host;
    return true;
  }

  onResponse(x: Exchange, message: Message, edits: HeadEdits): void {
    if (x.connection.tls === null || x.host === '' || !mayRedirect(message.status)) return;
    const field = message.find('location');
    if (field < 0 || message.head.dropped[field] === 1) return;
    const location = PLAIN.exec(message.value(field));
    if (location === null) return;
    const [, host = '', rest = ''] = location;
    if (host.toLowerCase() !== hostName(x.host).toLowerCase()) return;
    message.head.drop(field);
    edits.add('Location', `https://${x.host}${rest}`);
  }
}

/** Host and what follows its port; nothing with user information. */
const PLAIN = /^http:\/\/(\[[^\]]*\]|[^/?#:@]*)(?::\d*)?((?:[/?#].*)?)$/is;

const mayRedirect = (status: number): boolean => status === 201 || (status >= 300 && status < 400);
