import { troubleOf } from '../placement/trouble.js';
import type { PlacementRow } from '../database/entities/index.js';
import { scaleStatus } from './scale-status.js';
import { showStatus, status } from './oper-status.js';
import type { VipView } from './runtime-reader.js';
import { serves, type SeFact } from './vs-status.js';

type Json = Record<string, unknown>;

export interface Linker {
  /** `https://host/api/<kind>/<uuid>#<name>`. */
  (kind: string, uuid: string): string;
}

/** SEs that a VIP has: those that serve and those that get ready, not those that leave. */
export const assigned = (rows: readonly PlacementRow[]): PlacementRow[] =>
  rows.filter((r) => r.desired === 'active');

export const percentUp = (vip: VipView, ses: ReadonlyMap<string, SeFact>): number => {
  const wanted = Math.max(1, vip.numSeRequested);
  return Math.min(100, Math.round((100 * vip.rows.filter((r) => serves(r, ses)).length) / wanted));
};

/** One SE of a VIP (`VipSeAssigned`), with what its drain still holds. */
function seAssigned(
  row: PlacementRow,
  ses: ReadonlyMap<string, SeFact>,
  link: Linker,
  standby: boolean,
): Json {
  const se = ses.get(row.se_uuid);
  const leaving = row.desired === 'drain';
  const seStatus =
    row.observed === 'failed'
      ? status('OPER_DOWN', [troubleOf(row)], {
          code: row.code,
        })
      : se?.lost !== false
        ? status('OPER_DOWN', ['service engine is down'], { code: 'SE_DOWN' })
        : row.observed === 'active'
          ? status('OPER_UP', row.reason === '' ? [] : [row.reason], { code: row.code })
          : leaving
            ? status('OPER_DISABLING')
            : status('OPER_INITIALIZING');
  return {
    uuid: row.se_uuid,
    name: se?.name ?? '',
    url: link('serviceengine', row.se_uuid),
    ref: link('serviceengine', row.se_uuid),
    primary: row.primary,
    standby,
    active_on_se: row.observed === 'active' && !leaving,
    connected: se?.connected === true,
    scalein_in_progress: leaving,
    scaleout_in_progress: row.desired === 'prepare' && !standby,
    se_ready_in_progress: row.desired === 'active' && row.observed !== 'active' && row.observed !== 'failed',
    admin_down_requested: false,
    oper_status: showStatus(seStatus),
    ...(leaving || Number(row.connections_reset) > 0
      ? {
          connections_left: Number(row.connections_left),
          connections_reset: Number(row.connections_reset),
          drain_ends_at: new Date(row.desired_at.getTime() + row.drain_timeout).toISOString(),
        }
      : {}),
  };
}

/** `vip_summary` of one VIP: a list element on the wire. */
export function vipSummary(
  vip: VipView,
  ses: ReadonlyMap<string, SeFact>,
  link: Linker,
  last?: Parameters<typeof scaleStatus>[0],
): Json {
  const numbers = { assigned: assigned(vip.rows).length, requested: vip.numSeRequested };
  const op = vip.operation ?? last;
  const standby = (r: PlacementRow) => r.desired === 'prepare' && vip.operation === undefined;
  return {
    vip_id: vip.vipId,
    oper_status: showStatus(vip.status),
    num_se_assigned: numbers.assigned,
    num_se_requested: numbers.requested,
    percent_ses_up: percentUp(vip, ses),
    ...(op === undefined ? {} : { scale_status: scaleStatus(op, numbers, link) }),
    service_engine: vip.rows.map((r) => seAssigned(r, ses, link, standby(r))),
  };
}

/** `vip_runtime` of one VIP: what the virtual service object carries. References as uuids. */
export function vipRuntime(vip: VipView): Json {
  const op = vip.operation;
  const running = (type: string) => op?.type === type;
  return {
    vip_id: vip.vipId,
    num_additional_se: vip.additional,
    requested_resource: { num_se: vip.numSeRequested, num_standby_se: 0 },
    ...(vip.rows.length === 0
      ? {}
      : {
          se_list: vip.rows.map((r) => ({
            se_ref: r.se_uuid,
            is_primary: r.primary,
            is_standby: r.desired === 'prepare' && op === undefined,
            active_on_se: r.observed === 'active' && r.desired === 'active',
            delete_in_progress: r.desired === 'drain',
            scaleout_in_progress: r.desired === 'prepare' && op !== undefined,
            se_ready_in_progress: r.desired === 'active' && r.observed !== 'active',
          })),
        }),
    ...(op === undefined
      ? {}
      : {
          scaleout_in_progress: running('scaleout') || running('place'),
          scalein_in_progress: running('scalein') || running('unplace'),
          migrate_in_progress: running('migrate'),
          progress_percent: op.progress,
        }),
  };
}
