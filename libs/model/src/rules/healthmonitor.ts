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
  ['http_monitor.http_request', 1, 1024, (m) => m.http_monitor?.http_request],
  ['https_monitor.http_request', 1, 1024, (m) => m.https_monitor?.http_request],
  ['dns_monitor.query_name', 1, 255, (m) => m.dns_monitor?.query_name],
  ['sip_monitor.sip_response', 0, 512, (m) => m.sip_monitor?.sip_response],
  ['external_monitor.command_code', 1, 65_536, (m) => m.external_monitor?.command_code],
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
