import { OWN_BY } from '@spillway/telemetry';
import { latin1 } from '../bytes.js';
import { METHOD } from '../http1/head.js';
import { fieldText } from './edits.js';

const PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  410: 'Gone',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  425: 'Too Early',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

export const phraseOf = (status: number): string => PHRASES[status] ?? 'Other';

/** A response that the engine makes itself. */
export interface OwnResponse {
  readonly status: number;
  /** Lower case is not needed; framing and connection fields are added by the protocol of the client. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** Why there is no response of a server; only where the engine says so in its own words. */
  readonly reason?: string;
  /** How it is counted, one of OWN_BY; by its status when left out. */
  readonly why?: number;
}

/** What a status of the engine's own stands for where nothing more is known. */
const WHY: Record<number, number> = {
  400: OWN_BY.BAD_REQUEST,
  405: OWN_BY.BAD_REQUEST,
  408: OWN_BY.CLIENT_TIMEOUT,
  411: OWN_BY.BAD_REQUEST,
  413: OWN_BY.TOO_LARGE,
  414: OWN_BY.TOO_LARGE,
  417: OWN_BY.BAD_REQUEST,
  429: OWN_BY.RATE_LIMIT,
  431: OWN_BY.TOO_LARGE,
  501: OWN_BY.BAD_REQUEST,
  502: OWN_BY.SERVER_CLOSED,
  503: OWN_BY.NO_SERVER,
  504: OWN_BY.SERVER_TIMEOUT,
  505: OWN_BY.BAD_REQUEST,
};

export const whyOf = (response: OwnResponse): number =>
  response.why ?? WHY[response.status] ?? (response.status < 500 ? OWN_BY.POLICY : OWN_BY.OTHER);

const NOTHING = new Uint8Array(0);

const ALLOW = ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'] as const;

/** To a request that goes no further because its Max-Forwards is used up (RFC 9110 section 7.6.2). */
export const lastHopResponse = (method: number): OwnResponse =>
  method === METHOD.OPTIONS ? emptyResponse(200, [ALLOW]) : plainResponse(405, 'TRACE is not answered here');

/** A line of text that names the reason. */
export function plainResponse(status: number, reason: string, why?: number): OwnResponse {
  const fields: (readonly [string, string])[] = [['Content-Type', 'text/plain; charset=utf-8']];
  if (status === 405) fields.push(ALLOW);
  const body = Buffer.from(`${status} ${reason}\n`);
  return why === undefined ? { status, fields, body, reason } : { status, fields, body, reason, why };
}

export const emptyResponse = (status: number, fields: OwnResponse['fields']): OwnResponse => ({
  status,
  fields,
  body: NOTHING,
});

/**
 * In the spelling of HTTP/1.1.
 * @param connection value of the Connection field; empty leaves it out
 * @param withBody false for the answer to HEAD
 */
export function encodeOwn(response: OwnResponse, connection: string, withBody: boolean): Uint8Array {
  const { status, fields, body } = response;
  const bodiless = status === 204 || status === 304;
  let head = `HTTP/1.1 ${status} ${phraseOf(status)}\r\n`;
  for (const [name, value] of fields) head += fieldText(name, value);
  if (!bodiless) head += `Content-Length: ${body.length}\r\n`;
  if (connection !== '') head += `Connection: ${connection}\r\n`;
  const bytes = latin1(`${head}\r\n`);
  return withBody && !bodiless && body.length > 0 ? Buffer.concat([bytes, body]) : bytes;
}
