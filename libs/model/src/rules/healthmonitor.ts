import type { FieldError } from '../errors.js';
import type { FilledHealthMonitor } from '../generated/filled.js';
import { refuse, refuseAs, type Rule } from './rule.js';

/** Texts that a check is made of, with the characters that a service engine takes: at least and at most. */
const TEXTS: readonly (readonly [
  field: string,
  least: number,
  most: number,
  of: (monitor: FilledHealthMonitor) => string | undefined,
])[] = [
  ...(['http_monitor', 'https_monitor'] as const).flatMap(
    (kind) =>
      [
        [`${kind}.http_request`, 1, 1024, (m: FilledHealthMonitor) => m[kind]?.http_request],
        [`${kind}.http_request_body`, 0, 4096, (m: FilledHealthMonitor) => m[kind]?.http_request_body],
        [`${kind}.http_response`, 0, 512, (m: FilledHealthMonitor) => m[kind]?.http_response],
        [`${kind}.maintenance_response`, 0, 512, (m: FilledHealthMonitor) => m[kind]?.maintenance_response],
      ] as const,
  ),
  ['tcp_monitor.tcp_request', 0, 4096, (m) => m.tcp_monitor?.tcp_request],
  ['tcp_monitor.tcp_response', 0, 4096, (m) => m.tcp_monitor?.tcp_response],
  ['tcp_monitor.maintenance_response', 0, 512, (m) => m.tcp_monitor?.maintenance_response],
  ['udp_monitor.udp_request', 0, 4096, (m) => m.udp_monitor?.udp_request],
  ['udp_monitor.udp_response', 0, 4096, (m) => m.udp_monitor?.udp_response],
  ['udp_monitor.maintenance_response', 0, 512, (m) => m.udp_monitor?.maintenance_response],
  ['dns_monitor.query_name', 1, 255, (m) => m.dns_monitor?.query_name],
  ['dns_monitor.response_string', 0, 512, (m) => m.dns_monitor?.response_string],
  ['sip_monitor.sip_response', 0, 512, (m) => m.sip_monitor?.sip_response],
  ['external_monitor.command_code', 1, 65_536, (m) => m.external_monitor?.command_code],
  ['external_monitor.command_parameters', 0, 1024, (m) => m.external_monitor?.command_parameters],
  ['external_monitor.command_variables', 0, 4096, (m) => m.external_monitor?.command_variables],
  ['authentication.username', 0, 256, (m) => m.authentication?.username],
  ['authentication.password', 0, 256, (m) => m.authentication?.password],
];

const texts = (monitor: FilledHealthMonitor): FieldError[] =>
  TEXTS.flatMap(([field, least, most, of]) => {
    const text = of(monitor);
    if (text === undefined || (text.length >= least && text.length <= most)) return [];
    const problem = text === '' ? 'there is nothing to ask' : `${text.length} characters are too many`;
    return [refuse(field, problem, `Set it to a text of ${least} to ${most} characters`)];
  });

/** A check must be over before the next one starts, and be one that a service engine can make. */
export const healthMonitorRules: Rule<'healthmonitor'> = (monitor) => {
  const { name, receive_timeout, send_interval } = monitor;
  const errors = texts(monitor);
  if (monitor.type === 'HEALTH_MONITOR_EXTERNAL' && monitor.external_monitor === undefined)
    errors.push(
      refuse(
        'external_monitor',
        'a monitor of this type needs a script',
        'Set external_monitor.command_code',
      ),
    );
  if (receive_timeout >= send_interval)
    errors.push(
      refuseAs(
        'receive_timeout',
        `Receive timeout of Monitor ${name} cannot be more than Send interval (receive_timeout ${receive_timeout} s, send_interval ${send_interval} s). Set receive_timeout below send_interval`,
        receive_timeout,
      ),
    );
  return errors;
};
