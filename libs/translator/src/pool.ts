import type { FilledConnPoolProperties, FilledPool } from '@spillway/model';
import type { HealthMonitor, Pool } from '@spillway/snapshot';
import { algorithmOf } from './algorithm.js';
import { capacityOf } from './capacity.js';
import { connectionRampOf } from './connection-ramp.js';
import { backupOf, failActionOf } from './fail-action.js';
import { translateHealthMonitor } from './health-monitor.js';
import { clamp, filledMessage, milliseconds, refUuid } from './read.js';
import { reselectOf } from './reselect.js';
import { serversOf } from './servers.js';
import { hostHeaderOf } from './host-header.js';
import { roomOf } from './room.js';
import { serverLifeOf } from './server-life.js';
import { persistenceOf } from './persistence.js';
import { clientTlsOf } from './tls/client.js';
import { error, failed, type Lookup, type Problem, type Translated, warning } from './types.js';

/** Longest wait for a server to accept a connection, in milliseconds; the published schema has no field for it. */
const CONNECT_TIMEOUT = 2000;
/** Kept idle connections per worker and server where `upstream_connpool_server_max_cache` is 0 (no limit). */
const MAX_IDLE_CONNECTIONS = 256;

export function translatePool(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'pool') return failed(error('POOL_MISSING', '', `pool ${uuid} does not exist`));
  const spec = object.spec as FilledPool;
  const { servers, problems } = serversOf(spec, lookup);
  const monitors = monitorsOf(spec, lookup);
  const algorithm = algorithmOf(spec);
  const cache = filledMessage<FilledConnPoolProperties>('ConnPoolProperties', spec.conn_pool_properties);
  const tlsProblems: Problem[] = [];
  const tls = clientTlsOf(spec, lookup, tlsProblems);
  const unusable = [...tlsProblems, ...monitors.problems].filter((p) => p.severity === 'error');
  if (unusable.length > 0) return failed(...unusable);
  const reselect = reselectOf(spec);
  const failProblems: Problem[] = [];
  const failAction = failActionOf(spec.fail_action, lookup, failProblems);
  const body: Pool = {
    uuid,
    name: object.name,
    enabled: spec.enabled,
    algorithm: algorithm.name,
    ...algorithm.settings,
    ...capacityOf(spec),
    ...connectionRampOf(spec),
    servers,
    health_monitor_uuids: monitors.uuids,
    min_servers_up: clamp(spec.min_servers_up ?? 1, 1, 5000),
    ...minMonitorsUp(spec.min_health_monitors_up, monitors.uuids.length),
    ...serverLifeOf(spec),
    ...hostHeaderOf(spec, tls !== undefined),
    ...(spec.lookup_server_by_name ? { lookup_server_by_name: true } : {}),
    ...(spec.inline_health_monitor ? {} : { passive_monitor: false }),
    connect_timeout: CONNECT_TIMEOUT,
    max_idle_connections: clamp(cache.upstream_connpool_server_max_cache || MAX_IDLE_CONNECTIONS, 0, 65_536),
    ...(spec.enable_http2 ? { enable_http2: true } : {}),
    connection_life_time: milliseconds(cache.upstream_connpool_conn_life_tmo),
    connection_max_reuse: cache.upstream_connpool_conn_max_reuse,
    ...roomOf(spec),
    ...persistenceOf(spec),
    ...(tls === undefined ? {} : { tls }),
    ...(spec.server_timeout > 0 ? { server_timeout: milliseconds(spec.server_timeout) } : {}),
    ...(reselect === undefined ? {} : { reselect }),
    fail_action: failAction,
  };
  return {
    fragment: { type: 'pool', key: uuid, body },
    uses: [
      ...monitors.uuids.map((m) => ({ type: 'health_monitor' as const, uuid: m })),
      ...(body.persistence_profile_uuid === undefined
        ? []
        : [{ type: 'persistence_profile' as const, uuid: body.persistence_profile_uuid }]),
      ...(tls?.certificate_uuid === undefined
        ? []
        : [{ type: 'certificate' as const, uuid: tls.certificate_uuid }]),
      ...backupOf(failAction),
    ],
    problems: [...problems, ...tlsProblems, ...monitors.problems, ...algorithm.problems, ...failProblems],
  };
}

/**
 * Monitors that SEs can run; the others are named, and a server without any is up. One that could validate nobody, or
 * not show who it is, is an error as it is for the pool itself: its servers must not be taken for validated.
 */
function monitorsOf(pool: FilledPool, lookup: Lookup): { uuids: string[]; problems: Problem[] } {
  const uuids = new Set<string>();
  const problems: Problem[] = [];
  let tellsTasks = pool.lb_algorithm !== 'LB_ALGORITHM_FEWEST_TASKS';
  for (const [i, ref] of (pool.health_monitor_refs ?? []).entries()) {
    const uuid = refUuid(ref) ?? ref;
    const translated = translateHealthMonitor(uuid, lookup);
    const { fragment } = translated;
    if (fragment?.type === 'health_monitor' && pool.use_service_port && needsPort(fragment.body)) {
      const text = `health monitor ${fragment.body.name} has no monitor_port and the servers have no port of their own; the pool is served without it`;
      problems.push(warning('MONITOR_NOT_HONOURED', `health_monitor_refs[${i}]`, text));
      continue;
    }
    if (fragment !== undefined) uuids.add(uuid);
    tellsTasks ||= fragment?.type === 'health_monitor' && fragment.body.check.type === 'external';
    const path = `health_monitor_refs[${i}]`;
    for (const p of translated.problems)
      problems.push(
        p.code === 'MONITOR_TLS_UNUSABLE'
          ? error(p.code, path, p.text)
          : warning(p.code, path, `${p.text}; the pool is served without it`),
      );
  }
  if (!tellsTasks) {
    const text = 'no external monitor tells the tasks of the servers; they are chosen in turn';
    problems.push(warning('TASKS_NOT_TOLD', 'health_monitor_refs', text));
  }
  return { uuids: [...uuids], problems };
}

/** It asks a port, and has none. */
const needsPort = (monitor: HealthMonitor): boolean =>
  monitor.monitor_port === undefined && !PORTLESS.has(monitor.check.type);
const PORTLESS: ReadonlySet<string> = new Set(['ping', 'external']);

function minMonitorsUp(wanted: number | undefined, monitors: number): Pick<Pool, 'min_health_monitors_up'> {
  if (wanted === undefined || wanted < 1 || monitors === 0) return {};
  return { min_health_monitors_up: clamp(wanted, 1, monitors) };
}
