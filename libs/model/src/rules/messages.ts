import type { FieldError } from '../errors.js';
import type {
  FilledIpAddr,
  FilledIpAddrPrefix,
  FilledIpAddrRange,
  FilledService,
  FilledServicePoolSelector,
} from '../generated/filled.js';
import { parseIp } from '../ip.js';
import { isObject, walk, type Json } from '../walk.js';
import { failActionRules, reselectRules } from './fail-action.js';
import { POLICY_MESSAGES } from './http-policy.js';
import { refuse } from './rule.js';

type MessageRule<T> = (value: T, path: string) => FieldError[];

const HOST = /^(?=.{1,253}$)[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?(\.[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?)*\.?$/i;

const ipAddr: MessageRule<FilledIpAddr> = ({ addr, type }, path) => {
  const field = `${path}.addr`;
  if (type === 'DNS') {
    return HOST.test(addr)
      ? []
      : [refuse(field, `${JSON.stringify(addr)} is not a host name`, 'Correct it', addr)];
  }
  const version = parseIp(addr)?.version;
  if (version === undefined) {
    const remedy =
      'Set it to an address such as 192.0.2.10 or 2001:db8::10, without zone, mask or leading zeros';
    return [refuse(field, `${JSON.stringify(addr)} is not an IP address`, remedy, addr)];
  }
  const right = `V${version}`;
  if (type === right) return [];
  return [
    refuse(
      `${path}.type`,
      `${addr} is an IPv${version} address and type is ${type}`,
      `Set type to ${right}`,
      type,
    ),
  ];
};

const prefix: MessageRule<FilledIpAddrPrefix> = ({ ip_addr, mask }, path) => {
  const most = ip_addr.type === 'V6' ? 128 : 32;
  if (mask >= 0 && mask <= most) return [];
  return [
    refuse(`${path}.mask`, `${mask} is not allowed`, `Set it to an integer from 0 to ${most} bits`, mask),
  ];
};

const range: MessageRule<FilledIpAddrRange> = ({ begin, end }, path) => {
  const low = parseIp(begin.addr);
  const high = parseIp(end.addr);
  if (!low || !high || (low.version === high.version && low.bits <= high.bits)) return [];
  return [
    refuse(
      `${path}.end`,
      `${end.addr} does not come after ${begin.addr}`,
      'Give the lower address of one family first',
      end.addr,
    ),
  ];
};

const endBefore = (path: string, field: string, start: number, end: number): FieldError[] =>
  end === 0 || end >= start
    ? []
    : [
        refuse(
          `${path}.${field}`,
          `${end} is below the first port ${start}`,
          `Set it to ${start} or more, or leave it out for one port`,
          end,
        ),
      ];

const service: MessageRule<FilledService> = ({ port, port_range_end }, path) =>
  port === 0
    ? [refuse(`${path}.port`, '0 is not a port to listen on', 'Set it to an integer from 1 to 65535', 0)]
    : endBefore(path, 'port_range_end', port, port_range_end);

const selector: MessageRule<FilledServicePoolSelector> = ({ service_port, service_port_range_end }, path) =>
  endBefore(path, 'service_port_range_end', service_port, service_port_range_end);

const httpRange: MessageRule<{ begin: number; end: number }> = ({ begin, end }, path) =>
  begin <= end
    ? []
    : [refuse(`${path}.end`, `${end} is below begin ${begin}`, 'Give the lower code first', end)];

/** Rules that hold wherever a message is nested. They see it with its defaults. */
const MESSAGE_RULES: ReadonlyMap<string, MessageRule<never>> = new Map<string, MessageRule<never>>([
  ['IpAddr', ipAddr],
  ['IpAddrPrefix', prefix],
  ['IpAddrRange', range],
  ['Service', service],
  ['ServicePoolSelector', selector],
  ['FailAction', failActionRules],
  ['HTTPReselectRespCode', reselectRules],
  ['HTTPStatusRange', httpRange],
  ['HTTPReselectRespCodeRange', httpRange],
  ...POLICY_MESSAGES,
]);

/** Runs the rules of every nested message. */
export function checkMessages(type: string, value: Json): FieldError[] {
  const errors: FieldError[] = [];
  walk(type, value, ({ field, path, value: held }) => {
    const rule = MESSAGE_RULES.get(field.nested ?? '');
    if (rule && isObject(held)) errors.push(...rule(held as never, path));
  });
  return errors;
}
