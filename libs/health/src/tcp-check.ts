import type { HealthMonitor } from '@spillway/snapshot';
import type { CheckResult } from './result.js';

export type TcpCheck = Extract<HealthMonitor['check'], { type: 'tcp' }>;

/** Bytes of the answer in which `expect` must occur. */
const WINDOW = 4096;

/**
 * Judges what a server said on a plain connection so far.
 *
 * @param bytes everything received, one character a byte
 * @param ended the server has closed its side
 * @returns undefined while more is needed
 */
export function judgeTcp(check: TcpCheck, bytes: string, ended: boolean): CheckResult | undefined {
  if (check.expect === undefined || check.expect === '') return { ok: true };
  if (Buffer.from(bytes.slice(0, WINDOW), 'latin1').includes(check.expect, 0, 'utf8')) return { ok: true };
  if (!ended && bytes.length < WINDOW) return undefined;
  if (bytes === '')
    return { ok: false, code: 'NO_RESPONSE', text: 'the server closed the connection without an answer' };
  return {
    ok: false,
    code: 'PAYLOAD_CONTENT_MISMATCH',
    text: 'the answer does not hold the expected text',
  };
}
