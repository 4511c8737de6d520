import type { ResolvedName } from '@spillway/translator';
import { sumOf } from './server-counts.js';
import type { Capacity } from './capacities.js';
import { showStatus, timeStamp } from './oper-status.js';
import type { StoredObject } from '../store/index.js';
import type { ServerStatus } from './pool-status.js';
import { NO_STANDING, type Standing } from './standings.js';
import type { RuntimeState } from './runtime-reader.js';
import type { SeFact } from './vs-status.js';

type Json = Record<string, unknown>;

const rounded = (n: number): number => Math.round(n * 1000) / 1000;
const isV6 = (address: string) => address.includes(':');

/** One server of a pool at run time; in detail, what each SE says of it. */
export function showServer(
  s: ServerStatus,
  ses: ReadonlyMap<string, SeFact>,
  detail: boolean,
  capacity?: Capacity,
  standing: Standing = NO_STANDING,
): Json {
  const { server } = s;
  const total = sumOf(s.counts);
  return {
    uuid: s.id,
    name: server.hostname || s.id,
    hostname: server.hostname,
    ip: { addr: server.address, type: isV6(server.address) ? 'V6' : 'V4' },
    ip_addr: { addr: server.address, type: isV6(server.address) ? 'V6' : 'V4' },
    port: server.port,
    ratio: server.ratio,
    enabled: server.state === 'enabled',
    oper_status: showStatus(s.status),
    connections_open: total.open,
    connections_active: total.active,
    ...leastShare(s, standing),
    ...(server.drain_until === undefined
      ? {}
      : { graceful_disable_until: new Date(server.drain_until).toISOString() }),
    ...(capacity === undefined ? {} : showCapacity(capacity, ses, detail)),
    ...(detail ? showStanding(standing, ses) : {}),
    ...(detail
      ? {
          service_engine: s.counts.map((c) => ({
            se_uuid: c.se_uuid,
            se_name: ses.get(c.se_uuid)?.name ?? '',
            connections_open: c.open,
            connections_active: c.active,
          })),
          health_monitor: s.verdicts.map((v) => ({
            se_uuid: v.se_uuid,
            se_name: ses.get(v.se_uuid)?.name ?? '',
            state: v.up ? 'OPER_UP' : 'OPER_DOWN',
            failure_code: v.failure_code,
            ...(v.ssl_error_code === '' ? {} : { ssl_error_code: v.ssl_error_code }),
            failure_text: v.failure_text,
            health_monitor_uuid: v.health_monitor_uuid,
            last_transition_time: timeStamp(v.changed_at),
          })),
          passive_monitor: s.throttles.map((t) => ({
            se_uuid: t.se_uuid,
            se_name: ses.get(t.se_uuid)?.name ?? '',
            share: rounded(t.share),
            error_ratio: rounded(t.error_ratio),
            throttled_since: timeStamp(t.since),
            reason: `${Math.round(t.error_ratio * 100)} % of its recent answers were errors, more than of its peers`,
          })),
        }
      : {}),
  };
}

/** What ramp and passive monitor leave of its share, on the SE that leaves it least; nothing where it has all. */
function leastShare({ throttles }: ServerStatus, { ramps }: Standing): Json {
  const shares = new Map<string, number>();
  for (const { se_uuid, share } of [...throttles, ...ramps])
    shares.set(se_uuid, (shares.get(se_uuid) ?? 1) * share);
  return shares.size === 0 ? {} : { share: rounded(Math.min(...shares.values())) };
}

/** On which SEs a server ramps up, and what its monitors have told of its tasks. */
function showStanding({ ramps, tasks }: Standing, ses: ReadonlyMap<string, SeFact>): Json {
  const on = (se_uuid: string): Json => ({ se_uuid, se_name: ses.get(se_uuid)?.name ?? '' });
  return {
    ...(ramps.length === 0
      ? {}
      : {
          connection_ramp: ramps.map((r) => ({
            ...on(r.se_uuid),
            share: rounded(r.share),
            full_at: r.fullAt.toISOString(),
          })),
        }),
    ...(tasks.length === 0
      ? {}
      : {
          fewest_tasks: tasks.map((t) => ({
            ...on(t.se_uuid),
            feedback: t.told,
            feedback_at: t.toldAt.toISOString(),
            tasks: t.tasks,
          })),
        }),
  };
}

/** What a server takes before it gets slower; with fewest servers, whether it is in use or in excess. */
function showCapacity(c: Capacity, ses: ReadonlyMap<string, SeFact>, detail: boolean): Json {
  return {
    ...(c.requests === null
      ? {}
      : { estimated_capacity: { requests: rounded(c.requests), at_least: c.atLeast } }),
    ...(c.needed === null ? {} : { in_use: c.needed, excess: !c.needed }),
    ...(detail
      ? {
          capacity_per_se: c.bySe.map((row) => ({
            se_uuid: row.se_uuid,
            se_name: ses.get(row.se_uuid)?.name ?? '',
            requests: rounded(row.capacity),
            at_least: !row.found,
            needed: row.needed,
          })),
        }
      : {}),
  };
}

/** All servers of a pool. */
export function serversOf(pool: StoredObject, state: RuntimeState, detail: boolean): Json[] {
  const capacity = state.capacities(pool.uuid);
  return state
    .pool(pool)
    .servers.map((s) =>
      showServer(s, state.serviceEngines, detail, capacity(s), state.standing(pool.uuid, s)),
    );
}

/** What a name resolves to, what it has lost, and why the last answer was of no use. */
export function showName({ name, addresses, failure }: ResolvedName): Json {
  return {
    name,
    addresses: addresses.flatMap((a) => (a.gone_at === undefined ? [a.address] : [])),
    lost: addresses.flatMap((a) =>
      a.gone_at === undefined ? [] : [{ address: a.address, since: new Date(a.gone_at).toISOString() }],
    ),
    ...(failure === undefined ? {} : { failure }),
  };
}
