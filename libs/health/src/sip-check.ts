import type { Check } from '@spillway/snapshot';
import { holds, type Dialogue } from './dialogue.js';
import { hostPort, type Target } from './target.js';

/**
 * Asks a SIP server for its options (RFC 3261 section 11).
 * @param id makes branch, tag and Call-ID unique
 */
export function sipDialogue(check: Check<'sip'>, target: Target, id: string): Dialogue {
  const host = target.hostname === '' ? hostPort(target.address, target.port) : target.hostname;
  const via = check.transport.toUpperCase();
  return {
    request: [
      `OPTIONS sip:${host} SIP/2.0`,
      `Via: SIP/2.0/${via} monitor.invalid;branch=z9hG4bK${id};rport`,
      'Max-Forwards: 70',
      `From: <sip:monitor@monitor.invalid>;tag=${id}`,
      `To: <sip:${host}>`,
      `Call-ID: ${id}@monitor.invalid`,
      'CSeq: 1 OPTIONS',
      'Contact: <sip:monitor@monitor.invalid>',
      'Accept: application/sdp',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
    judge(bytes, ended) {
      if (!ended && !bytes.includes('\r\n\r\n')) return undefined;
      if (bytes === '') return { ok: false, code: 'NO_RESPONSE', text: 'the server ended without an answer' };
      if (holds(bytes, check.expect)) return { ok: true };
      return {
        ok: false,
        code: 'PAYLOAD_CONTENT_MISMATCH',
        text: 'the answer does not hold the expected text',
      };
    },
  };
}
