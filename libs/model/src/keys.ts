import { equal } from './equal.js';
import { fieldsOf } from './facts.js';
import { stripMessage } from './message-defaults.js';
import { isObject } from './walk.js';

/** The fields that tell elements of a list apart, per message. A message that is not named here goes by name, uuid or index, where it has one. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  Server: ['ip.addr', 'port'],
  Vip: ['vip_id'],
  Service: ['port', 'override_network_profile_ref'],
  HTTPPolicies: ['http_policy_set_ref'],
  L4Policies: ['l4_policy_set_ref'],
  VSDataScripts: ['vs_datascript_set_ref'],
  PoolGroupMember: ['pool_ref'],
  KeyValue: ['key'],
  RoleFilterMatchLabel: ['key'],
  IpAddr: ['addr'],
  IpAddrPrefix: ['ip_addr.addr', 'mask'],
  Permission: ['resource'],
  UserRole: ['role_ref', 'tenant_ref'],
  DnsInfo: ['fqdn'],
  StaticRoute: ['route_id'],
  ClusterNode: ['ip.addr'],
};

function keyOf(message: string): readonly string[] {
  const known = KEYS[message];
  if (known) return known;
  const found = ['name', 'uuid', 'index'].find((name) => fieldsOf(message).has(name));
  return found === undefined ? [] : [found];
}

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((v, step) => (isObject(v) ? v[step] : undefined), value);

/** Whether two elements of a list stand for the same thing: by the natural key of the message, else by equality but for defaults. */
export function sameElement(message: string | undefined, a: unknown, b: unknown): boolean {
  if (message === undefined || !isObject(a) || !isObject(b)) return equal(a, b);
  const key = keyOf(message);
  if (key.every((path) => at(a, path) === undefined))
    return equal(stripMessage(message, a), stripMessage(message, b));
  return key.every((path) => equal(at(a, path), at(b, path)));
}

/** Whether an element is meant by a pattern that may leave parts of the natural key, or other fields, out. */
export function matchesPattern(message: string | undefined, element: unknown, pattern: unknown): boolean {
  const key = message === undefined ? [] : keyOf(message);
  const given = key.filter((path) => at(pattern, path) !== undefined);
  if (given.length > 0) return given.every((path) => equal(at(element, path), at(pattern, path)));
  if (!isObject(pattern)) return equal(element, pattern);
  return (
    Object.keys(pattern).length > 0 && Object.entries(pattern).every(([k, v]) => equal(at(element, k), v))
  );
}
