import { latin1 } from '../bytes.js';

const PHRASES: Record<number, string> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

const EXTRA: Record<number, string> = {
  405: 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n',
};

export const CONNECTION_CLOSE = latin1('Connection: close\r\n');
export const CONNECTION_KEEP_ALIVE = latin1('Connection: keep-alive\r\n');
export const CONNECTION_UPGRADE = latin1('Connection: Upgrade\r\n');

/**
 * A response that the engine makes itself: a line of text that names the reason.
 * @param withBody false for the answer to HEAD
 */
export function reply(status: number, reason: string, connection: string, withBody: boolean): Uint8Array {
  const body = Buffer.from(`${status} ${reason}\n`);
  const head =
    `HTTP/1.1 ${status} ${PHRASES[status] ?? 'Error'}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
    `Content-Length: ${body.length}\r\n${EXTRA[status] ?? ''}` +
    (connection === '' ? '' : `Connection: ${connection}\r\n`);
  const bytes = latin1(`${head}\r\n`);
  return withBody ? Buffer.concat([bytes, body]) : bytes;
}
