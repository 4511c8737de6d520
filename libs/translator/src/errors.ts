import type { FilledAnalyticsProfile, FilledVirtualService } from '@spillway/model';
import type { ErrorExclusions } from '@spillway/snapshot';
import { clamp, follow } from './read.js';
import type { Lookup } from './types.js';

const BLOCKS: Readonly<Record<string, { begin: number; end: number }>> = {
  AP_HTTP_RSP_4XX: { begin: 400, end: 499 },
  AP_HTTP_RSP_5XX: { begin: 500, end: 599 },
};

/** What the analytics profile of a virtual service keeps from being an error of a server; undefined for nothing. */
export function errorExclusionsOf(vs: FilledVirtualService, lookup: Lookup): ErrorExclusions | undefined {
  const profile = follow(lookup, vs.analytics_profile_ref, 'analyticsprofile');
  if (profile === undefined) return undefined;
  const spec = profile.spec as FilledAnalyticsProfile;
  const codes = [
    ...(spec.exclude_http_error_codes ?? []).map((code) => ({ begin: code, end: code })),
    ...(spec.ranges ?? []).map(({ begin, end }) => ({ begin, end })),
    ...(spec.resp_code_block ?? []).flatMap((block) => BLOCKS[block] ?? []),
  ]
    .filter(({ begin, end }) => begin <= end && end >= 100 && begin <= 599)
    .map(({ begin, end }) => ({ begin: clamp(begin, 100, 599), end: clamp(end, 100, 599) }))
    .slice(0, 1000);
  const sip_codes = (spec.exclude_sip_error_codes ?? []).filter((code) => code >= 400 && code <= 699);
  const server_reset = spec.exclude_server_tcp_reset_as_error;
  const connect_timeout = spec.exclude_syn_retransmit_as_error;
  if (codes.length + sip_codes.length === 0 && !server_reset && !connect_timeout) return undefined;
  return {
    codes,
    ...(sip_codes.length === 0 ? {} : { sip_codes: sip_codes.slice(0, 1000) }),
    server_reset,
    connect_timeout,
  };
}
