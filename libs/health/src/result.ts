/**
 * Why a check failed, as the documents and the published API name it. `INCONCLUSIVE` never counts against a server:
 * it is trouble of this SE itself, such as too many open files.
 */
export type FailureCode =
  | 'CONNECTION_REFUSED'
  | 'CONNECTION_TIMEOUT'
  | 'CONNECTION_RESET'
  | 'RESPONSE_CODE_MISMATCH'
  | 'PAYLOAD_CONTENT_MISMATCH'
  | 'SERVER_UNREACHABLE'
  | 'ARP_UNRESOLVED'
  | 'TLS_HANDSHAKE_FAILED'
  | 'MAINTENANCE'
  | 'NO_RESPONSE'
  | 'INCONCLUSIVE';

/** What was said in the last check, each part at most {@link EXCHANGE_LIMIT} characters, without secrets. */
export interface Exchange {
  sent: string;
  received: string;
}

export type CheckResult =
  | { ok: true; exchange?: Exchange }
  | { ok: false; code: FailureCode; text: string; exchange?: Exchange };

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
