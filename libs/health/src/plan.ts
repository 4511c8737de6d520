import { createHash } from 'node:crypto';
import {
  canonical,
  type Certificate,
  type ClientTls,
  type HealthMonitor,
  type Pool,
  poolsOf,
  type Server,
  type Snapshot,
} from '@spillway/snapshot';
import { certificateFor, checkTls } from './monitor-tls.js';
import { hostPort, type Target } from './target.js';

/** A server that is checked, inside one pool. */
export interface Member {
  /** `pool_uuid/address:port`: what verdicts and slots are keyed by. */
  key: string;
  poolUuid: string;
  /** `address:port`. */
  server: string;
  /** Virtual services that are placed here and use the pool. */
  virtualServices: readonly string[];
  /** Monitors that must pass; undefined: all. */
  needed: number | undefined;
  /** Monitor uuid to the id of the probe that serves it; empty: up without a check. */
  probes: Map<string, string>;
}

/** One check that is run on a schedule, for every member that wants it. */
export interface ProbePlan {
  id: string;
  /** Differs when the question differs: then the old answers say nothing. */
  definition: string;
  /** Names the check between SEs, where they share it; else empty. */
  sharedKey: string;
  monitor: HealthMonitor;
  target: Target;
  tls: ClientTls | null;
  certificate: Certificate | null;
  /** Name of the pool that asks, or of one of them. */
  poolName: string;
}

export interface Plan {
  members: Map<string, Member>;
  probes: Map<string, ProbePlan>;
}

export const memberKey = (poolUuid: string, server: Pick<Server, 'address' | 'port'>): string =>
  `${poolUuid}/${hostPort(server.address, server.port)}`;

/**
 * What has to be checked for a snapshot: enabled servers of enabled pools that an enabled virtual service with a
 * placement here uses ("No checks for disabled servers, pools without VS, disabled VSs"). The same monitor and
 * server are probed once, however many pools ask, unless the monitor allows duplicates, TLS differs, or a script is to
 * tell the tasks of one pool.
 */
export function planChecks(snapshot: Snapshot): Plan {
  const placed = new Set(snapshot.placements.map((p) => p.virtual_service_uuid));
  const users = new Map<string, string[]>();
  for (const service of snapshot.virtual_services) {
    if (!service.enabled || !placed.has(service.uuid)) continue;
    for (const uuid of poolsOf(snapshot, service)) {
      const known = users.get(uuid);
      if (known === undefined) users.set(uuid, [service.uuid]);
      else known.push(service.uuid);
    }
  }
  const monitors = new Map(snapshot.health_monitors.map((m) => [m.uuid, m]));
  const plan: Plan = { members: new Map(), probes: new Map() };
  for (const pool of snapshot.pools) {
    const services = users.get(pool.uuid);
    if (!pool.enabled || services === undefined) continue;
    const questions = pool.health_monitor_uuids.flatMap((uuid) => {
      const monitor = monitors.get(uuid);
      return monitor === undefined ? [] : [questionOf(monitor, pool, snapshot.certificates)];
    });
    for (const server of pool.servers)
      if (server.state === 'enabled') addMember(plan, pool, server, services, questions);
  }
  return plan;
}

/** What is asked of every server of a pool by one of its monitors. */
interface Question extends Omit<ProbePlan, 'id' | 'target' | 'sharedKey'> {
  /** Tells probes apart that ask the same server in different ways. */
  suffix: string;
  /** Its script tells the tasks of the pool's servers: each SE needs that for itself. */
  tellsTasks: boolean;
}

function questionOf(monitor: HealthMonitor, pool: Pool, certificates: Snapshot['certificates']): Question {
  const { check } = monitor;
  const tls = check.type === 'http' && check.tls !== undefined ? checkTls(check.tls, pool.tls) : null;
  const certificate = tls === null ? null : certificateFor(tls, certificates);
  const script = check.type === 'external' ? pool.name : '';
  const tellsTasks = check.type === 'external' && pool.algorithm === 'fewest_tasks';
  const alone = monitor.allow_duplicate_monitors === true || tellsTasks;
  const secure = tls === null ? '' : digest(canonical({ tls, certificate }));
  return {
    monitor,
    tls,
    certificate,
    poolName: pool.name,
    tellsTasks,
    definition: `${canonical(monitor)} ${secure}${alone ? script : ''}`,
    suffix: `${secure === '' ? '' : `@${secure}`}${alone ? `@${pool.uuid}` : ''}`,
  };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

function addMember(
  plan: Plan,
  pool: Pool,
  server: Server,
  virtualServices: readonly string[],
  questions: readonly Question[],
): void {
  const member: Member = {
    key: memberKey(pool.uuid, server),
    poolUuid: pool.uuid,
    server: hostPort(server.address, server.port),
    virtualServices,
    needed: pool.min_health_monitors_up,
    probes: new Map(),
  };
  const append = pool.host_header?.append_port;
  for (const { monitor, suffix, tellsTasks, ...rest } of questions) {
    const target: Target = {
      address: server.address,
      port: monitor.monitor_port ?? server.port,
      hostname: server.hostname,
      ...(append === undefined ? {} : { appendPort: append }),
    };
    const host = append === undefined ? target.hostname : `${target.hostname}@${append}`;
    const id = `${monitor.uuid}@${hostPort(target.address, target.port)}@${host}${suffix}`;
    if (!plan.probes.has(id)) {
      const sharedKey =
        monitor.shared_probing === true && !tellsTasks ? digest(`${id} ${rest.definition}`) : '';
      plan.probes.set(id, { id, sharedKey, monitor, target, ...rest });
    }
    member.probes.set(monitor.uuid, id);
  }
  plan.members.set(member.key, member);
}
