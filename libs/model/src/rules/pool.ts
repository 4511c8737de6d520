import type { FieldError } from '../errors.js';
import type { FilledPool, FilledServer } from '../generated/filled.js';
import { ipKey, parseIp } from '../ip.js';
import { poolRoom } from './pool-room.js';
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

/** What only a listed server has, and what it is called (pools document, IP Group). */
const PER_SERVER: readonly (readonly [feature: string, has: (server: FilledServer) => boolean])[] = [
  ['disabling a server', (s) => !s.enabled],
  ['a port of its own', (s) => s.port !== undefined && s.port !== 0],
  ['ratio', (s) => s.ratio !== 1],
  ['prst_hdr_val', (s) => (s.prst_hdr_val ?? '') !== ''],
  ['rewrite_host_header', (s) => s.rewrite_host_header],
];

/** Ports of servers can be left out of account only where the algorithm goes by servers (pools document, Ignore Server Port). */
function serverPorts(pool: FilledPool): FieldError[] {
  if (!pool.ignore_server_port || pool.use_service_port) return [];
  if (pool.lb_algorithm === 'LB_ALGORITHM_CONSISTENT_HASH') return [];
  return [
    refuse(
      'ignore_server_port',
      `${pool.lb_algorithm} with use_service_port false has no use for it`,
      'Set lb_algorithm to LB_ALGORITHM_CONSISTENT_HASH or use_service_port to true, or set ignore_server_port to false',
      true,
    ),
  ];
}

/** Servers by IP address, by address group and by network exclude each other (pools document, Servers). */
function oneWayToName(pool: FilledPool): FieldError[] {
  const servers = pool.servers ?? [];
  if (pool.ipaddrgroup_ref === undefined || servers.length === 0) return [];
  const lost = PER_SERVER.filter(([, has]) => servers.some(has)).map(([feature]) => feature);
  return [
    refuse(
      'ipaddrgroup_ref',
      lost.length === 0
        ? 'a pool takes its servers from a group of addresses or lists them'
        : `a pool takes its servers from a group of addresses or lists them, and servers of a group cannot have: ${lost.join(', ')}`,
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

/** Monitors that ask no port. */
const PORTLESS: ReadonlySet<string> = new Set(['HEALTH_MONITOR_PING', 'HEALTH_MONITOR_EXTERNAL']);

/** Servers without a port of their own are checked on a port that the monitor names. */
const monitorsWithPorts: Rule<'pool'> = (pool, { lookup }) => {
  if (!pool.use_service_port || lookup === undefined) return [];
  return (pool.health_monitor_refs ?? []).flatMap((ref, i) => {
    const monitor = lookup('healthmonitor', ref);
    if (monitor === undefined || monitor.monitor_port !== undefined || PORTLESS.has(monitor.type)) return [];
    return [
      refuse(
        `health_monitor_refs[${i}]`,
        `use_service_port leaves servers without a port, and health monitor ${monitor.name} has no monitor_port`,
        'Set monitor_port of the monitor, choose a monitor that has one, or set use_service_port to false',
        ref,
      ),
    ];
  });
};

/** The two ways to another Host exclude each other. */
function oneHost(pool: FilledPool): FieldError[] {
  if (!pool.rewrite_host_header_to_server_name || !pool.rewrite_host_header_to_sni) return [];
  return [
    refuse(
      'rewrite_host_header_to_sni',
      'the Host header cannot be both the server name and the name of TLS',
      'Set rewrite_host_header_to_sni or rewrite_host_header_to_server_name to false',
      true,
    ),
  ];
}

/** A server that is resolved has a name. */
function resolvable(pool: FilledPool): FieldError[] {
  return (pool.servers ?? []).flatMap(({ ip, hostname = '', resolve_server_by_dns: resolve }, i) =>
    !resolve || ip.type === 'DNS' || (hostname !== '' && parseIp(hostname) === undefined)
      ? []
      : [
          refuse(
            `servers[${i}].resolve_server_by_dns`,
            'the server has an address and no name to resolve',
            'Set hostname to the name, write the name as ip with type DNS, or set it to false',
            true,
          ),
        ],
  );
}

/** Characters of a header value that service engines compare. */
const MOST_VALUE = 255;

/** A header value names one server (pools document, Header Value). */
function headerValues(pool: FilledPool): FieldError[] {
  const seen = new Map<string, number>();
  return (pool.servers ?? []).flatMap(({ prst_hdr_val: value = '' }, i) => {
    const field = `servers[${i}].prst_hdr_val`;
    if (value === '') return [];
    if (value.length > MOST_VALUE)
      return [
        refuse(
          field,
          `${value.length} characters are too many`,
          `Set it to at most ${MOST_VALUE} characters`,
          value,
        ),
      ];
    const first = seen.get(value);
    if (first !== undefined)
      return [
        refuse(
          field,
          `${JSON.stringify(value)} already names servers[${first}]`,
          'Give each server a value of its own, or none',
          value,
        ),
      ];
    seen.set(value, i);
    return [];
  });
}

export const poolRules: Rule<'pool'> = (pool, context) => [
  ...duplicateServers(pool),
  ...consistentHash(pool),
  ...serverPorts(pool),
  ...oneWayToName(pool),
  ...enoughMonitors(pool),
  ...poolRoom(pool),
  ...monitorsWithPorts(pool, context),
  ...oneHost(pool),
  ...resolvable(pool),
  ...headerValues(pool),
];
