import type { FieldError } from '../errors.js';
import type { FilledPool, FilledServer } from '../generated/filled.js';
import { ipKey } from '../ip.js';
import { poolRoom } from './pool-room.js';
import { backupRules } from './fail-action.js';
import { refuse, type Rule } from './rule.js';

/** Address and port as people write them. */
function endpoint(server: FilledServer, port: number | undefined): string {
  const { addr } = server.ip;
  if (port === undefined) return addr;
  return addr.includes(':') ? `[${addr}]:${port}` : `${addr}:${port}`;
}

/** The port that connections go to; undefined where it comes from the virtual service. */
export function serverPort(pool: FilledPool, server: FilledServer): number | undefined {
  if (pool.use_service_port) return undefined;
  return server.port === undefined || server.port === 0 ? pool.default_server_port : server.port;
}

function duplicateServers(pool: FilledPool): FieldError[] {
  const seen = new Map<string, number>();
  return (pool.servers ?? []).flatMap((server, i) => {
    const port = serverPort(pool, server);
    const key = `${ipKey(server.ip.addr)} ${port ?? ''}`;
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, i);
      return [];
    }
    const which = endpoint(server, port);
    return [
      refuse(
        `servers[${i}]`,
        `server ${which} is already in servers[${first}]`,
        'Remove one of the two',
        which,
      ),
    ];
  });
}

function consistentHash(pool: FilledPool): FieldError[] {
  if (pool.lb_algorithm !== 'LB_ALGORITHM_CONSISTENT_HASH') return [];
  if (pool.lb_algorithm_hash !== 'LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER') return [];
  const header = pool.lb_algorithm_consistent_hash_hdr;
  if (header !== undefined && /^[!#$%&'*+\-.^_`|~\da-z]+$/i.test(header)) return [];
  return [
    refuse(
      'lb_algorithm_consistent_hash_hdr',
      header === undefined
        ? 'hashing by a custom header needs its name'
        : `${JSON.stringify(header)} is not a header name`,
      'Set it to the name of a request header, or choose another lb_algorithm_hash',
      header,
    ),
  ];
}

/** Servers by IP address, by address group and by network exclude each other (pools document, Servers). */
function oneWayToName(pool: FilledPool): FieldError[] {
  if (pool.ipaddrgroup_ref === undefined || (pool.servers ?? []).length === 0) return [];
  return [
    refuse(
      'ipaddrgroup_ref',
      'a pool takes its servers from a group of addresses or lists them',
      'Remove ipaddrgroup_ref, or remove servers',
      pool.ipaddrgroup_ref,
    ),
  ];
}

function enoughMonitors(pool: FilledPool): FieldError[] {
  const wanted = pool.min_health_monitors_up ?? 0;
  const have = (pool.health_monitor_refs ?? []).length;
  if (have === 0 || wanted <= have) return [];
  return [
    refuse(
      'min_health_monitors_up',
      `${wanted} is more than the ${have} in health_monitor_refs`,
      `Set it to ${have} or less, or add monitors`,
      wanted,
    ),
  ];
}

export const poolRules: Rule<'pool'> = (pool, context) => [
  ...duplicateServers(pool),
  ...consistentHash(pool),
  ...oneWayToName(pool),
  ...enoughMonitors(pool),
  ...poolRoom(pool),
  ...backupRules(pool, context),
];
