import { fieldsOf } from './facts.js';
import { stripMessage } from './message-defaults.js';
import { isObject, type Json } from './walk.js';

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

function pathsOf(message: string): readonly string[] {
  const known = KEYS[message];
  if (known) return known;
  const found = ['name', 'uuid', 'index'].find((name) => fieldsOf(message).has(name));
  return found === undefined ? [] : [found];
}

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((v, step) => (isObject(v) ? v[step] : undefined), value);

/** One text for each JSON value; the order of keys does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) =>
    isObject(held) ? Object.fromEntries(Object.entries(held).sort(([a], [b]) => (a < b ? -1 : 1))) : held,
  );
}

const keyOver = (paths: readonly string[], value: Json): string =>
  JSON.stringify(paths.map((path) => at(value, path) ?? null));

/**
 * What an element of a list stands for: two elements with the same text are the same thing. It is the natural key of
 * the message, else the whole element but for its defaults.
 */
export function elementKey(message: string | undefined, element: unknown): string {
  if (message === undefined || !isObject(element)) return canonical(element);
  const paths = pathsOf(message);
  if (paths.every((path) => at(element, path) === undefined))
    return canonical(stripMessage(message, element));
  return keyOver(paths, element);
}

/** The parts of the natural key that a pattern gives, or else the fields that it gives. */
function patternPaths(message: string, pattern: Json): readonly string[] {
  const given = pathsOf(message).filter((path) => at(pattern, path) !== undefined);
  return given.length > 0 ? given : Object.keys(pattern);
}

/**
 * The elements of a list that some patterns mean: those with the same key, else those that agree in all that the
 * pattern gives of the key, or of the fields where it gives nothing of the key.
 */
export function matching(
  message: string | undefined,
  list: readonly unknown[],
  patterns: readonly unknown[],
): Set<unknown> {
  const found = new Set<unknown>();
  const indexes = new Map<string, ReadonlyMap<string, readonly unknown[]>>();
  const indexed = (
    name: string,
    keyOf: (element: unknown) => string,
  ): ReadonlyMap<string, readonly unknown[]> => {
    const known = indexes.get(name) ?? Map.groupBy(list, keyOf);
    indexes.set(name, known);
    return known;
  };
  for (const pattern of patterns) {
    const exact = indexed('', (e) => elementKey(message, e)).get(elementKey(message, pattern));
    for (const element of exact ?? []) found.add(element);
    if (exact || message === undefined || !isObject(pattern)) continue;
    const paths = patternPaths(message, pattern);
    if (paths.length === 0) continue;
    const keyOf = (e: unknown): string =>
      isObject(e) ? canonical(paths.map((path) => at(e, path) ?? null)) : '';
    for (const element of indexed(paths.join(' '), keyOf).get(keyOf(pattern)) ?? []) found.add(element);
  }
  return found;
}
