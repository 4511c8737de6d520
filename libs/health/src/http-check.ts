import type { Check } from '@spillway/snapshot';
import { holds, maintenance, type Dialogue } from './dialogue.js';
import type { CheckResult } from './result.js';
import { hostHeader, type Target } from './target.js';

export type HttpCheck = Check<'http'>;

/** Bytes of the body that are looked at where the monitor does not say (pools document, "payload mismatch"). */
export const BODY_WINDOW = 2048;
const windowOf = (check: HttpCheck): number => check.response_size ?? BODY_WINDOW;
/** Largest part of a body that can be asked for. */
const BODY_LIMIT = 16_384;
/** A response head beyond this is no answer. */
const HEAD_LIMIT = 32_768;

export function httpDialogue(check: HttpCheck, target: Target): Dialogue {
  const request = httpRequest(check, hostHeader(target, check.tls === undefined ? 80 : 443));
  return {
    request,
    serverEnds: / HTTP\/1\.0\r\n|\r\nconnection:[ \t]*close[ \t]*\r\n/i.test(request),
    judge: (bytes, ended) => judgeHttp(check, bytes, ended),
  };
}

/** The name in the `Host` of the request, where it has one. */
export const namedHost = (check: HttpCheck): string =>
  /\nhost:[ \t]*([^\r\n]*)/i.exec(check.request)?.[1]?.trim() ?? '';

/**
 * The request as it is sent. Without `exact_request` the version, `Host`, `User-Agent` and `Connection` are filled
 * in; with it not one byte is added but the end of the head.
 *
 * @param host what a client would put into `Host`
 */
export function httpRequest(check: HttpCheck, host: string): string {
  const lines = check.request.replaceAll('\r\n', '\n').replace(/\n+$/, '').split('\n');
  const body = Buffer.from(check.request_body ?? '', 'utf8').toString('latin1');
  if (check.exact_request) return `${lines.join('\r\n')}\r\n\r\n${body}`;
  let first = lines[0] ?? '';
  if (!/ HTTP\/\d\.\d$/.test(first)) first += ' HTTP/1.1';
  const rest = lines.slice(1);
  const has = (name: string): boolean => rest.some((l) => l.toLowerCase().startsWith(`${name}:`));
  if (!has('host')) rest.unshift(`Host: ${host}`);
  if (!has('user-agent')) rest.push('User-Agent: spillway-health-monitor');
  if (!has('accept')) rest.push('Accept: */*');
  if (check.authentication !== undefined && !has('authorization')) {
    const { username, password } = check.authentication;
    rest.push(`Authorization: Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
  }
  if (body !== '' && !has('content-length')) rest.push(`Content-Length: ${body.length}`);
  if (!has('connection')) rest.push('Connection: close');
  return `${[first, ...rest].join('\r\n')}\r\n\r\n${body}`;
}

/** True when a status code is one that the monitor asks for; no list accepts 2xx and 3xx. */
export function codeMatches(codes: readonly string[], status: number): boolean {
  if (codes.length === 0) return status >= 200 && status < 400;
  return codes.some((c) =>
    c.endsWith('xx') ? Number(c[0]) === Math.floor(status / 100) : Number(c) === status,
  );
}

/**
 * Judges what has come of a response so far.
 *
 * @param bytes everything received, one character a byte
 * @param ended the server has closed its side
 * @returns undefined while more is needed
 */
export function judgeHttp(check: HttpCheck, bytes: string, ended: boolean): CheckResult | undefined {
  const line = /^HTTP\/\d\.\d (\d{3})[^\n]*\n/.exec(bytes);
  if (line === null) {
    if (bytes.includes('\n') || bytes.length > HEAD_LIMIT)
      return { ok: false, code: 'RESPONSE_CODE_MISMATCH', text: 'the answer is not HTTP/1.x' };
    if (!ended) return undefined;
    return { ok: false, code: 'NO_RESPONSE', text: 'the server closed the connection without an answer' };
  }
  const status = Number(line[1]);
  const headEnd = /\r?\n\r?\n/.exec(bytes);
  if (status >= 100 && status < 200 && status !== 101 && !codeMatches(check.response_codes, status)) {
    return headEnd === null
      ? ended
        ? { ok: false, code: 'NO_RESPONSE', text: `closed after ${status}` }
        : undefined
      : judgeHttp(check, bytes.slice(headEnd.index + headEnd[0].length), ended);
  }
  if (check.maintenance_codes?.includes(status) === true) return maintenance('code', `status ${status}`);
  if (check.maintenance_text !== undefined && headEnd !== null) {
    const body = bodyOf(bytes, headEnd);
    if (holds(body.text, check.maintenance_text, windowOf(check)))
      return maintenance('text', 'its body holds the maintenance text');
    if (!ended && !body.complete && body.text.length < windowOf(check)) return undefined;
  } else if (check.maintenance_text !== undefined && !ended && bytes.length <= HEAD_LIMIT) return undefined;
  if (!codeMatches(check.response_codes, status)) {
    const wanted = check.response_codes.length === 0 ? '2xx or 3xx' : check.response_codes.join(', ');
    return { ok: false, code: 'RESPONSE_CODE_MISMATCH', text: `status ${status}, wanted ${wanted}` };
  }
  if (check.response_text === undefined) return { ok: true };
  if (headEnd !== null) return judgeBody(check, check.response_text, bodyOf(bytes, headEnd), ended);
  if (!ended && bytes.length <= HEAD_LIMIT) return undefined;
  return { ok: false, code: 'NO_RESPONSE', text: 'the head of the response is incomplete or too long' };
}

interface Body {
  text: string;
  complete: boolean;
}

function judgeBody(check: HttpCheck, text: string, body: Body, ended: boolean): CheckResult | undefined {
  if (holds(body.text, text, windowOf(check))) return { ok: true };
  if (!ended && !body.complete && body.text.length < windowOf(check)) return undefined;
  return {
    ok: false,
    code: 'PAYLOAD_CONTENT_MISMATCH',
    text: `the first ${windowOf(check)} bytes of the body do not hold the response text`,
  };
}

const bodyOf = (bytes: string, headEnd: RegExpExecArray): Body =>
  decodeBody(bytes.slice(0, headEnd.index), bytes.slice(headEnd.index + headEnd[0].length));

/** The body so far, out of its chunks, and whether it is whole. */
function decodeBody(head: string, raw: string): Body {
  if (!/^transfer-encoding:.*\bchunked\b/im.test(head)) {
    const length = /^content-length:[ \t]*(\d+)[ \t]*\r?$/im.exec(head);
    return { text: raw, complete: length !== null && raw.length >= Number(length[1]) };
  }
  let text = '';
  let at = 0;
  while (text.length < BODY_LIMIT) {
    const size = /^([0-9a-f]{1,8})[^\n]*\n/i.exec(raw.slice(at, at + 256));
    if (size === null) return { text, complete: false };
    const length = Number.parseInt(size[1] ?? '0', 16);
    if (length === 0) return { text, complete: true };
    const begin = at + size[0].length;
    text += raw.slice(begin, begin + length);
    at = begin + length + 2;
  }
  return { text, complete: false };
}
