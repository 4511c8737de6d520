import { type HealthMonitor, type Pool, poolsOf, type Server, type Snapshot } from '@spillway/snapshot';
import { hostPort, type Target } from './target.js';

/** A server that is checked, inside one pool. */
export interface Member {
  /** `pool_uuid/address:port`: what verdicts and slots are keyed by. */
  key: string;
  poolUuid: string;
  /** `address:port`. */
  server: string;
  /** Monitors that must pass; undefined: all. */
  needed: number | undefined;
  /** Monitor uuid to the id of the probe that serves it; empty: up without a check. */
  probes: Map<string, string>;
}

/** One check that is run on a schedule, for every member that wants it. */
export interface ProbePlan {
  id: string;
  monitor: HealthMonitor;
  target: Target;
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
 * server are probed once, however many pools ask.
 */
export function planChecks(snapshot: Snapshot): Plan {
  const placed = new Set(snapshot.placements.map((p) => p.virtual_service_uuid));
  const used = new Set(
    snapshot.virtual_services
      .filter((v) => v.enabled && placed.has(v.uuid))
      .flatMap((v) => [...poolsOf(snapshot, v)]),
  );
  const monitors = new Map(snapshot.health_monitors.map((m) => [m.uuid, m]));
  const plan: Plan = { members: new Map(), probes: new Map() };
  for (const pool of snapshot.pools) {
    if (!pool.enabled || !used.has(pool.uuid)) continue;
    for (const server of pool.servers)
      if (server.state === 'enabled') addMember(plan, pool, server, monitors);
  }
  return plan;
}

function addMember(plan: Plan, pool: Pool, server: Server, monitors: Map<string, HealthMonitor>): void {
  const member: Member = {
    key: memberKey(pool.uuid, server),
    poolUuid: pool.uuid,
    server: hostPort(server.address, server.port),
    needed: pool.min_health_monitors_up,
    probes: new Map(),
  };
  for (const uuid of pool.health_monitor_uuids) {
    const monitor = monitors.get(uuid);
    if (monitor === undefined) continue;
    const target: Target = {
      address: server.address,
      port: monitor.monitor_port ?? server.port,
      hostname: server.hostname,
    };
    const id = `${uuid}@${hostPort(target.address, target.port)}@${target.hostname}`;
    plan.probes.set(id, { id, monitor, target });
    member.probes.set(uuid, id);
  }
  plan.members.set(member.key, member);
}
