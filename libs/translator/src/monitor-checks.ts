import type {
  FilledHealthMonitor,
  FilledHealthMonitorDNS,
  FilledHealthMonitorHttp,
  FilledHealthMonitorSIP,
} from '@spillway/model';
import type { Check, HealthMonitor } from '@spillway/snapshot';
import { monitorTlsOf } from './monitor-tls.js';
import { filledMessage } from './read.js';
import { error, type Lookup, type Problem } from './types.js';

type Translate = (spec: FilledHealthMonitor, lookup: Lookup) => HealthMonitor['check'] | Problem;

/** What is asked of a server, per type of monitor. */
export const CHECKS: Readonly<Record<string, Translate>> = {
  HEALTH_MONITOR_HTTP: (spec) => httpCheck(spec, spec.http_monitor),
  HEALTH_MONITOR_HTTPS: httpsCheck,
  HEALTH_MONITOR_TCP: ({ tcp_monitor: tcp }) => ({
    type: 'tcp',
    half_open: tcp?.tcp_half_open ?? false,
    ...dialogue(tcp?.tcp_request, tcp?.tcp_response, tcp?.maintenance_response),
  }),
  HEALTH_MONITOR_UDP: ({ udp_monitor: udp }) => ({
    type: 'udp',
    ...dialogue(udp?.udp_request, udp?.udp_response, udp?.maintenance_response),
  }),
  HEALTH_MONITOR_DNS: dnsCheck,
  HEALTH_MONITOR_SIP: ({ sip_monitor }) => {
    const sip = filledMessage<FilledHealthMonitorSIP>('HealthMonitorSIP', sip_monitor);
    const transport = sip.sip_monitor_transport === 'SIP_TCP_PROTO' ? 'tcp' : 'udp';
    return { type: 'sip', transport, expect: sip.sip_response };
  },
  HEALTH_MONITOR_PING: () => ({ type: 'ping' }),
  HEALTH_MONITOR_EXTERNAL: externalCheck,
};

const dialogue = (
  send: string | undefined,
  expect: string | undefined,
  maintenance: string | undefined,
): { send?: string; expect?: string; maintenance_text?: string } => ({
  ...(send ? { send } : {}),
  ...(expect ? { expect } : {}),
  ...(maintenance ? { maintenance_text: maintenance } : {}),
});

const CLASSES: Readonly<Record<string, readonly string[]>> = {
  HTTP_ANY: ['1xx', '2xx', '3xx', '4xx', '5xx'],
  HTTP_1XX: ['1xx'],
  HTTP_2XX: ['2xx'],
  HTTP_3XX: ['3xx'],
  HTTP_4XX: ['4xx'],
  HTTP_5XX: ['5xx'],
};

function httpCheck(
  spec: FilledHealthMonitor,
  given: FilledHealthMonitor['http_monitor'],
): Check<'http'> | Problem {
  const http = filledMessage<FilledHealthMonitorHttp>('HealthMonitorHttp', given);
  if (http.auth_type === 'AUTH_NTLM')
    return error('MONITOR_NOT_HONOURED', 'auth_type', 'AUTH_NTLM is not honoured; use AUTH_BASIC');
  const { authentication } = spec;
  return {
    type: 'http',
    request: http.http_request,
    exact_request: http.exact_http_request,
    response_codes: responseCodes(http.http_response_code),
    ...(http.http_request_body ? { request_body: http.http_request_body } : {}),
    ...(http.http_response ? { response_text: http.http_response } : {}),
    ...(http.response_size ? { response_size: http.response_size } : {}),
    ...(http.maintenance_code?.length ? { maintenance_codes: [...http.maintenance_code] } : {}),
    ...(http.maintenance_response ? { maintenance_text: http.maintenance_response } : {}),
    ...(http.auth_type === 'AUTH_BASIC' && authentication !== undefined
      ? { authentication: { username: authentication.username, password: authentication.password } }
      : {}),
  };
}

/** Over TLS as its `ssl_attributes` say; what they do not say is as the pool has it. */
function httpsCheck(spec: FilledHealthMonitor, lookup: Lookup): Check<'http'> | Problem {
  const check = httpCheck(spec, spec.https_monitor);
  if ('code' in check) return check;
  const tls = monitorTlsOf(spec.https_monitor?.ssl_attributes, 'https_monitor.ssl_attributes', lookup);
  return 'code' in tls ? tls : { ...check, tls };
}

/** Without codes a response of the classes 2xx and 3xx is good. */
function responseCodes(codes: readonly string[] | undefined): string[] {
  const found = new Set((codes ?? []).flatMap((code) => CLASSES[code] ?? []));
  return found.size === 0 ? ['2xx', '3xx'] : [...found].sort();
}

/** Numbers of record types (RFC 1035, and those that define the newer ones). */
const RECORDS: Readonly<Record<string, number>> = {
  DNS_RECORD_A: 1,
  DNS_RECORD_NS: 2,
  DNS_RECORD_CNAME: 5,
  DNS_RECORD_SOA: 6,
  DNS_RECORD_PTR: 12,
  DNS_RECORD_HINFO: 13,
  DNS_RECORD_MX: 15,
  DNS_RECORD_TXT: 16,
  DNS_RECORD_RP: 17,
  DNS_RECORD_AAAA: 28,
  DNS_RECORD_SRV: 33,
  DNS_RECORD_RRSIG: 46,
  DNS_RECORD_DNSKEY: 48,
  DNS_RECORD_ANY: 255,
};

const ANSWERS: Readonly<Record<string, Check<'dns'>['answer']>> = {
  DNS_QUERY_TYPE: 'query_type',
  DNS_ANY_TYPE: 'any_type',
  DNS_ANY_THING: 'anything',
};

function dnsCheck(spec: FilledHealthMonitor): Check<'dns'> | Problem {
  const dns = filledMessage<FilledHealthMonitorDNS>('HealthMonitorDNS', spec.dns_monitor);
  const record = RECORDS[dns.record_type];
  if (record === undefined)
    return error(
      'MONITOR_NOT_HONOURED',
      'dns_monitor.record_type',
      `${dns.record_type} cannot be asked for; use one of ${Object.keys(RECORDS).join(', ')}`,
    );
  return {
    type: 'dns',
    query_name: dns.query_name,
    record_type: record,
    answer: ANSWERS[dns.qtype] ?? 'query_type',
    no_error: dns.rcode === 'RCODE_NO_ERROR',
    ...(dns.response_string ? { response_text: dns.response_string } : {}),
  };
}

function externalCheck({ external_monitor: external }: FilledHealthMonitor): Check<'external'> | Problem {
  if (external?.command_code === undefined || external.command_code === '')
    return error('MONITOR_NOT_HONOURED', 'external_monitor.command_code', 'the monitor has no script');
  return {
    type: 'external',
    script: external.command_code,
    parameters: words(external.command_parameters ?? ''),
    variables: Object.fromEntries(
      words(external.command_variables ?? '').flatMap((pair) => {
        const at = pair.indexOf('=');
        return at > 0 && /^[A-Za-z_]\w*$/.test(pair.slice(0, at))
          ? [[pair.slice(0, at), pair.slice(at + 1)]]
          : [];
      }),
    ),
  };
}

/** Separated by white space; quotes keep it inside a word. */
const words = (text: string): string[] =>
  (text.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? []).map((word) => word.replaceAll(/["']/g, ''));
