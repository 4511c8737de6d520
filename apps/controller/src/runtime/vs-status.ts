import { troubleOf } from '../placement/trouble.js';
import type { UpRule } from '@spillway/translator';
import type { Operation, PlacementRow } from '../database/entities/index.js';
import { newest, status, type OperStatus } from './oper-status.js';

/** What is known of an SE for the status of what it serves. */
export interface SeFact {
  readonly name: string;
  readonly connected: boolean;
  readonly lost: boolean;
  readonly reason: string;
}

export interface VipFacts {
  readonly enabled: boolean;
  readonly rows: readonly PlacementRow[];
  readonly serviceEngines: ReadonlyMap<string, SeFact>;
  /** What is under way on this VIP. */
  readonly operation: Operation | undefined;
  /** Why the configuration cannot be served, where that is so. */
  readonly problems: readonly string[];
  /** The pools, by name; none where the virtual service has none. */
  readonly pools: readonly { readonly name: string; readonly status: OperStatus }[];
  readonly rule: UpRule;
}

/** Serves now: the SE said so, and nothing says that it is gone. */
export const serves = (row: PlacementRow, ses: ReadonlyMap<string, SeFact>): boolean =>
  row.desired === 'active' && row.observed === 'active' && ses.get(row.se_uuid)?.lost === false;

/** The state of one VIP: placed and active somewhere, with a pool that is up. */
export function vipStatus(facts: VipFacts): OperStatus {
  const { rows, serviceEngines } = facts;
  const changedAt = newest(
    ...rows.map((r) => newest(r.changed_at, r.desired_at)),
    facts.operation?.changed_at,
  );
  const more = (code?: string) => ({ changedAt, ...(code === undefined ? {} : { code }) });
  if (!facts.enabled) {
    const draining = rows.some((r) => r.desired === 'drain' && r.observed === 'draining');
    return draining ? status('OPER_DISABLING', [], more()) : status('OPER_DISABLED', [], more());
  }
  if (facts.problems.length > 0) return status('OPER_DOWN', facts.problems, more('CONFIGURATION'));
  const up = rows.filter((r) => serves(r, serviceEngines));
  if (up.length > 0) return withPools(facts, up, changedAt);
  return notServing(facts, more);
}

/**
 * Up with as many pools as it needs, or with a policy that redirects without one; what its pools do when they are down
 * does not matter (pools document, Fail Action).
 */
function withPools(
  { pools, rule, serviceEngines }: VipFacts,
  rows: readonly PlacementRow[],
  placedAt: Date | undefined,
): OperStatus {
  const changedAt = newest(placedAt, ...pools.map((p) => p.status.changedAt));
  const up = pools.filter((p) => p.status.state === 'OPER_UP').length;
  if (pools.length === 0) return status('OPER_UP', [], { changedAt });
  const reasons = pools.flatMap((p) => (p.status.state === 'OPER_UP' ? [] : [whyNot(p)]));
  if (up >= rule.min_pools_up) {
    const down = pools.filter((p) => p.status.state === 'OPER_DOWN').map(whyNot);
    return status('OPER_UP', down, { changedAt, ...(down.length > 0 ? { code: 'POOLS_DOWN' } : {}) });
  }
  const many =
    rule.min_pools_up > 1 ? [`${up} of ${pools.length} pools up, ${rule.min_pools_up} needed`] : [];
  if (rule.redirects)
    return status('OPER_UP', ['policies redirect without a pool', ...many, ...reasons], {
      code: 'REDIRECTS_ONLY',
      changedAt,
    });
  const checking = pools.filter((p) => p.status.state === 'OPER_INITIALIZING').length;
  if (checking > 0 && up + checking >= rule.min_pools_up && (up > 0 || checking === pools.length))
    return status('OPER_INITIALIZING', reasons, { code: 'POOL_INITIALIZING', changedAt });
  const closed = rows.flatMap((r) =>
    r.reason === '' ? [] : [`${serviceEngines.get(r.se_uuid)?.name ?? r.se_uuid}: ${r.reason}`],
  );
  return status('OPER_DOWN', [...many, ...reasons, ...closed], {
    code: up > 0 ? 'NOT_ENOUGH_POOLS_UP' : 'POOL_DOWN',
    changedAt,
  });
}

function whyNot(pool: VipFacts['pools'][number]): string {
  const why = pool.status.reasons.length === 0 ? '' : `: ${pool.status.reasons.join(', ')}`;
  return `pool ${pool.name} is ${pool.status.state.replace('OPER_', '').toLowerCase()}${why}`;
}

function notServing(
  facts: VipFacts,
  more: (code?: string) => { code?: string; changedAt: Date | undefined },
): OperStatus {
  const { rows, operation: op, serviceEngines } = facts;
  const name = (r: PlacementRow) => serviceEngines.get(r.se_uuid)?.name ?? r.se_uuid;
  const failed = rows.filter((r) => r.observed === 'failed');
  if (failed.length > 0)
    return status(
      'OPER_DOWN',
      failed.map((r) => `${name(r)}: ${troubleOf(r)}`),
      more(failed[0]?.code),
    );
  if (op?.state === 'waiting') {
    const needs = op.question?.['code'] === 'SE_NEEDED';
    return status(needs ? 'OPER_RESOURCES' : 'OPER_DOWN', [op.error], more(op.error_code));
  }
  const lost = rows.filter((r) => r.desired === 'active' && serviceEngines.get(r.se_uuid)?.lost !== false);
  if (lost.length > 0 && lost.length === rows.length)
    return status(
      'OPER_DOWN',
      lost.map(
        (r) =>
          `service engine ${name(r)} is down${serviceEngines.get(r.se_uuid)?.reason ? `: ${serviceEngines.get(r.se_uuid)?.reason}` : ''}`,
      ),
      more('SE_DOWN'),
    );
  // A failure that is tried again elsewhere is told until something serves.
  if (op !== undefined && op.error !== '') return status('OPER_DOWN', [op.error], more(op.error_code));
  if (op !== undefined) return status('OPER_CREATING', [op.text], more());
  if (rows.some((r) => r.desired === 'active'))
    return status('OPER_INITIALIZING', ['listeners are coming up'], more());
  return status('OPER_DOWN', ['it is on no service engine'], more('NOT_PLACED'));
}

/** A virtual service is as its worst VIP; one that serves on some VIPs only says which it does not. */
export function wholeStatus(vips: readonly { vipId: string; status: OperStatus }[]): OperStatus {
  const [first] = vips;
  if (first === undefined)
    return status('OPER_DOWN', ['it has no VIP with an address'], { code: 'VIP_MISSING' });
  const worst = vips.find((v) => v.status.state !== 'OPER_UP') ?? first;
  if (vips.length === 1 || worst.status.state === 'OPER_UP') return worst.status;
  return {
    ...worst.status,
    reasons: vips.flatMap((v) =>
      v.status.state === 'OPER_UP' ? [] : v.status.reasons.map((r) => `VIP ${v.vipId}: ${r}`),
    ),
    changedAt: newest(...vips.map((v) => v.status.changedAt)),
  };
}
