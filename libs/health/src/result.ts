import type { CloseReason } from '@spillway/proxy';
import { hostPort, type Target } from './target.js';

/**
 * Why a check failed, as the published API names it (`failure_code` of SeHmEventServerDetails). `INCONCLUSIVE` never
 * counts against a server: it is trouble of this SE itself, such as too many open files.
 */
export type FailureCode =
  | 'CONNECTION_REFUSED'
  | 'CONNECTION_TIMEOUT'
  | 'CONNECTION_RESET'
  | 'RESPONSE_CODE_MISMATCH'
  | 'PAYLOAD_CONTENT_MISMATCH'
  | 'PAYLOAD_TIMEOUT'
  | 'SERVER_UNREACHABLE'
  | 'PORT_UNREACHABLE'
  | 'ARP_UNRESOLVED'
  | 'SSL_ERROR'
  | 'SSL_CERT_ERROR'
  | 'SCRIPT_ERROR'
  | 'MAINTENANCE_RESPONSE_CODE_MATCH'
  | 'MAINTENANCE_PAYLOAD_CONTENT_MATCH'
  | 'NO_RESPONSE'
  | 'INCONCLUSIVE';

/** The server says itself that it wants no new clients. */
export const isMaintenance = (code: FailureCode): boolean => code.startsWith('MAINTENANCE_');

/** What was said in one check, one character a byte; not to be shown before it went through `shownExchange`. */
export interface Exchange {
  sent: string;
  received: string;
}

export interface Failure {
  ok: false;
  code: FailureCode;
  text: string;
  exchange?: Exchange;
  /** With a bad certificate: what is wrong with it, as `ssl_error_code` of the published API names it. */
  sslCode?: string;
}

/** A good check; `tasks` is how many the server has, where the script of an external monitor tells it. */
export type Success = { ok: true; exchange?: Exchange; tasks?: number };

export type CheckResult = Success | Failure;

/** Characters of each part of an exchange that are kept and shown. */
export const EXCHANGE_LIMIT = 2048;

const SECRET_HEADER =
  /^((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-auth-token)([ \t]*:[ \t]*).*$/gim;
const SECRET_PARAMETER = /([?&](?:token|password|passwd|secret|api_?key|access_token)=)[^&\s]*/gi;

/** Cuts to {@link EXCHANGE_LIMIT} and takes out what might be a credential. */
export function redact(text: string): string {
  return text
    .slice(0, EXCHANGE_LIMIT)
    .replace(SECRET_HEADER, '$1$2<redacted>')
    .replace(SECRET_PARAMETER, '$1<redacted>');
}

/** An exchange for people: bounded, without secrets, on one line with everything escaped that is no plain text. */
export const shownExchange = ({ sent, received }: Exchange): Exchange => ({
  sent: escaped(redact(sent)),
  received: escaped(redact(received)),
});

const ESCAPES: Readonly<Record<string, string>> = { '\r': '\\r', '\n': '\\n', '\t': '\\t', '\\': '\\\\' };

const escaped = (text: string): string =>
  text.replaceAll(
    /[^\x20-\x5b\x5d-\x7e]/g,
    (c) => ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );

/** An exchange that does not hold on to more than is shown of it. */
export const keptExchange = ({ sent, received }: Exchange): Exchange => ({
  sent,
  received:
    received.length <= EXCHANGE_LIMIT
      ? received
      : Buffer.from(received.slice(0, EXCHANGE_LIMIT), 'latin1').toString('latin1'),
});

const BY_ERRNO: Record<string, FailureCode> = {
  ECONNREFUSED: 'CONNECTION_REFUSED',
  ETIMEDOUT: 'CONNECTION_TIMEOUT',
  ECONNRESET: 'CONNECTION_RESET',
  EPIPE: 'CONNECTION_RESET',
  ECONNABORTED: 'CONNECTION_RESET',
  EHOSTUNREACH: 'SERVER_UNREACHABLE',
  ENETUNREACH: 'SERVER_UNREACHABLE',
  EHOSTDOWN: 'SERVER_UNREACHABLE',
  ENETDOWN: 'SERVER_UNREACHABLE',
  EACCES: 'SERVER_UNREACHABLE',
  EINVAL: 'SERVER_UNREACHABLE',
};

/** What an error of a socket says about the server. */
export function failureOf(error: unknown): { code: FailureCode; text: string } {
  const errno = (error as { code?: unknown } | null)?.code;
  const text = error instanceof Error ? error.message : String(error);
  return { code: (typeof errno === 'string' ? BY_ERRNO[errno] : undefined) ?? 'INCONCLUSIVE', text };
}

const SAYS: Partial<Record<FailureCode, string>> = {
  CONNECTION_REFUSED: 'refused the connection',
  CONNECTION_RESET: 'reset the connection',
  CONNECTION_TIMEOUT: 'did not answer the connection',
  SERVER_UNREACHABLE: 'cannot be reached',
};

/** What the end of a connection says about the server. */
export function failureOfConnection(reason: CloseReason, errno: string, target: Target): Failure {
  const code: FailureCode =
    reason === 'reset'
      ? 'CONNECTION_RESET'
      : reason === 'refused' && errno === ''
        ? 'CONNECTION_REFUSED'
        : (BY_ERRNO[errno] ?? 'INCONCLUSIVE');
  const says = SAYS[code] ?? 'could not be asked';
  const why = errno === '' || code === 'CONNECTION_REFUSED' ? '' : ` (${errno})`;
  return { ok: false, code, text: `${hostPort(target.address, target.port)} ${says}${why}` };
}

/** Failures that mean that something did not come in time. */
export const hasThreshold = (code: FailureCode): boolean =>
  code === 'NO_RESPONSE' || code === 'PAYLOAD_TIMEOUT' || code === 'CONNECTION_TIMEOUT';
