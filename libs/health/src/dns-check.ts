import type { Check } from '@spillway/snapshot';
import type { Dialogue } from './dialogue.js';
import { dnsQuery, readDnsResponse, type DnsResponse } from './dns-message.js';
import type { CheckResult } from './result.js';

/** Asks a DNS server. @param id of the question, 0 to 65535 */
export function dnsDialogue(check: Check<'dns'>, id: number): Dialogue {
  return {
    request: dnsQuery(id, check.query_name, check.record_type).toString('latin1'),
    judge(bytes) {
      const response = readDnsResponse(Buffer.from(bytes, 'latin1'));
      // Anything else that comes to this port is not for us, or not whole.
      return response?.id === id ? judgeDns(check, response) : undefined;
    },
  };
}

export function judgeDns(check: Check<'dns'>, { rcode, answers }: DnsResponse): CheckResult {
  if (check.no_error && rcode !== 0)
    return { ok: false, code: 'RESPONSE_CODE_MISMATCH', text: `response code ${rcode}, wanted 0 (no error)` };
  if (check.answer === 'query_type' && !answers.some((a) => a.type === check.record_type))
    return mismatch(`there is no record of type ${check.record_type} in the answer`);
  if (check.answer === 'any_type' && answers.length === 0) return mismatch('the answer holds no record');
  const text = check.response_text?.toLowerCase();
  if (text !== undefined && text !== '' && !answers.some((a) => a.value.toLowerCase() === text))
    return mismatch('the answer does not hold the response string');
  return { ok: true };
}

const mismatch = (text: string): CheckResult => ({ ok: false, code: 'PAYLOAD_CONTENT_MISMATCH', text });
