import type { Pool, Server } from '@spillway/snapshot';
import type { ServerVerdict } from '../database/entities/index.js';
import { newest, status, type OperStatus } from './oper-status.js';
import { type ServerCount, sumOf } from './server-counts.js';

/** Who uses a pool, and on which SEs it is checked. */
export interface PoolUse {
  /** Enabled virtual services that use it. */
  readonly virtualServices: readonly string[];
  /** SEs on which one of them is placed, by uuid with their names. */
  readonly serviceEngines: ReadonlyMap<string, string>;
}

export interface ServerStatus {
  readonly id: string;
  readonly server: Server;
  readonly status: OperStatus;
  readonly verdicts: readonly ServerVerdict[];
  /** What each SE has there. */
  readonly counts: readonly ServerCount[];
  /** What the SEs leave of its share that hold it back. */
  readonly throttles: readonly ServerThrottle[];
}

/** An SE's passive monitor holds a server back. */
export interface ServerThrottle {
  readonly se_uuid: string;
  /** Of its full share, above 0 and below 1. */
  readonly share: number;
  readonly since: Date;
  /** Errors among its answers of late, 0 to 1. */
  readonly error_ratio: number;
}

export interface PoolStatus {
  readonly status: OperStatus;
  readonly servers: readonly ServerStatus[];
  readonly enabled: number;
  readonly up: number;
}

/** `address:port`, IPv6 in brackets: what a server is called inside its pool. */
export const serverId = (s: Pick<Server, 'address' | 'port'>): string =>
  s.address.includes(':') ? `[${s.address}]:${s.port}` : `${s.address}:${s.port}`;

/** The state of a pool and of each of its servers, from what the SEs say that serve it. */
export function poolStatus(
  pool: Pool,
  use: PoolUse,
  verdicts: readonly ServerVerdict[],
  throttles: ReadonlyMap<string, readonly ServerThrottle[]> = new Map(),
  counts: ReadonlyMap<string, readonly ServerCount[]> = new Map(),
  clientsGet = '',
): PoolStatus {
  const heard = verdicts.filter((v) => use.serviceEngines.has(v.se_uuid));
  const byServer = Map.groupBy(heard, (v) => v.server);
  const servers = pool.servers.map((server): ServerStatus => {
    const id = serverId(server);
    const mine = byServer.get(id) ?? [];
    const held = (throttles.get(id) ?? []).filter((t) => use.serviceEngines.has(t.se_uuid));
    const count = counts.get(id) ?? [];
    return {
      id,
      server,
      verdicts: mine,
      throttles: held,
      counts: count,
      status: serverStatus(pool, server, use, mine, count),
    };
  });
  const enabled = servers.filter((s) => s.server.state === 'enabled').length;
  const up = servers.filter((s) => s.status.state === 'OPER_UP').length;
  return { servers, enabled, up, status: wholeStatus(pool, use, servers, up, clientsGet) };
}

function serverStatus(
  pool: Pool,
  server: Server,
  use: PoolUse,
  verdicts: readonly ServerVerdict[],
  counts: readonly ServerCount[],
): OperStatus {
  const changedAt = newest(...verdicts.map((v) => v.changed_at));
  if (server.state !== 'enabled' || !pool.enabled) return disabled(server, counts);
  const unused = unusedReason(use);
  if (unused !== undefined) return status('OPER_UNUSED', [unused]);
  if (verdicts.length === 0) return status('OPER_INITIALIZING', ['not checked yet']);
  const down = verdicts.filter((v) => !v.up);
  const reasons = down.map((v) => {
    const text = [v.failure_code, v.failure_text].filter((t) => t !== '').join(': ');
    return `${use.serviceEngines.get(v.se_uuid) ?? v.se_uuid}: ${text || 'down'}`;
  });
  const code = down[0]?.failure_code ?? '';
  return status(down.length < verdicts.length ? 'OPER_UP' : 'OPER_DOWN', reasons, { code, changedAt });
}

/** Who is left of a server that is out, and until when. */
function disabled({ state, drain_until: until }: Server, counts: readonly ServerCount[]): OperStatus {
  const { open } = sumOf(counts);
  if (open === 0) return status('OPER_DISABLED', ['nothing left'], { code: 'DRAINED' });
  const left = open === 1 ? '1 connection left' : `${open} connections left`;
  if (state !== 'draining') return status('OPER_DISABLED', [left], { code: 'DRAINING' });
  const end = until === undefined ? 'no time-out' : `reset at ${new Date(until).toISOString()}`;
  return status('OPER_DISABLED', [`${left}, ${end}`], { code: 'DRAINING' });
}

function wholeStatus(
  pool: Pool,
  use: PoolUse,
  servers: readonly ServerStatus[],
  up: number,
  clientsGet: string,
): OperStatus {
  const meanwhile = clientsGet === '' ? [] : [clientsGet];
  const changedAt = newest(...servers.map((s) => s.status.changedAt));
  if (!pool.enabled) return status('OPER_DISABLED');
  const unused = unusedReason(use);
  if (unused !== undefined) return status('OPER_UNUSED', [unused]);
  if (servers.length === 0)
    return status('OPER_DOWN', [`pool ${pool.name} has no servers`, ...meanwhile], { code: 'NO_SERVERS' });
  if (up >= pool.min_servers_up) return strained(pool, servers, meanwhile, changedAt);
  if (servers.some((s) => s.status.state === 'OPER_INITIALIZING'))
    return status('OPER_INITIALIZING', ['servers are being checked'], { changedAt });
  return status(
    'OPER_DOWN',
    [`${up} of ${servers.length} servers up, ${pool.min_servers_up} needed`, ...meanwhile],
    { code: 'NOT_ENOUGH_SERVERS_UP', changedAt },
  );
}

/** It is up, and says so where none of its servers is as it should be. */
function strained(
  pool: Pool,
  servers: readonly ServerStatus[],
  meanwhile: readonly string[],
  changedAt: Date | undefined,
): OperStatus {
  const up = servers.filter((s) => s.status.state === 'OPER_UP');
  const most = pool.max_connections ?? Infinity;
  if (up.every((s) => sumOf(s.counts).open >= most)) {
    const waits = pool.request_queue === undefined ? meanwhile : ['requests wait for a place'];
    const full = `all servers that are up have the ${most} connections that they may have`;
    return status('OPER_UP', [full, ...waits], { code: 'SERVERS_FULL', changedAt });
  }
  if (up.every((s) => s.throttles.length > 0)) {
    const held =
      'all servers that are up are held back by the passive monitor: each gets its share all the same';
    return status('OPER_UP', [held], { code: 'SERVERS_HELD_BACK', changedAt });
  }
  return status('OPER_UP', [], { changedAt });
}

/** What new clients of a pool get while it cannot serve, for people. */
export function clientsGetOf(
  { fail_action: action }: Pool,
  nameOf: (uuid: string) => string | undefined,
): string {
  switch (action?.type) {
    case 'close':
      return 'clients get a reset';
    case 'respond':
      return `clients get a page with status ${action.response.status}`;
    case 'redirect':
      return `clients get a redirect to ${action.location}`;
    case 'backup_pool':
      return `clients get pool ${nameOf(action.pool_uuid) ?? action.pool_uuid} instead`;
    case undefined:
    default:
      return '';
  }
}

function unusedReason(use: PoolUse): string | undefined {
  if (use.virtualServices.length === 0) return 'no enabled virtual service uses it';
  if (use.serviceEngines.size === 0) return `${use.virtualServices.join(', ')} is on no service engine`;
  return undefined;
}
