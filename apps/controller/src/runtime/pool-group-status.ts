import { type PoolGroup } from '@spillway/snapshot';
import { poolGroupStateOf, type PoolGroupState, translatePoolGroup } from '@spillway/translator';
import { listOf, textOf } from '../placement/fields.js';
import type { ObjectCache, StoredObject } from '../store/index.js';
import { newest, status, type OperStatus } from './oper-status.js';

export interface GroupMember {
  readonly pool: StoredObject;
  readonly ratio: number;
  readonly label: string;
  /** It went down, and is not used until somebody says so. */
  readonly deactivated: boolean;
  readonly status: OperStatus;
}

export interface GroupStatus {
  readonly status: OperStatus;
  readonly members: readonly GroupMember[];
  readonly up: number;
  /** A pool of the highest priority that has one which is up and used: where requests go now. */
  readonly current: StoredObject | undefined;
  readonly deactivated: PoolGroupState['deactivated'];
}

/** The state of a pool group, from that of its pools. */
export function poolGroupStatus(
  group: StoredObject,
  cache: Pick<ObjectCache, 'get'>,
  statusOf: (pool: StoredObject) => OperStatus,
): GroupStatus {
  const on = group.spec['deactivate_primary_pool_on_down'] === true;
  const deactivated = on ? poolGroupStateOf(group.uuid, cache).deactivated : [];
  const translated = translatePoolGroup(group.uuid, cache).fragment?.body as PoolGroup | undefined;
  const ranks = new Map(translated?.members.map((m) => [m.pool_uuid, m]));
  const members = listOf(group.spec, 'members').flatMap((m): (GroupMember & { priority: number })[] => {
    const pool = cache.get(textOf(m, 'pool_ref'));
    const rank = ranks.get(pool?.uuid ?? '');
    if (pool === undefined || rank === undefined) return [];
    return [
      {
        pool,
        ratio: rank.ratio,
        priority: rank.priority,
        label: textOf(m, 'priority_label', '0'),
        deactivated: deactivated.some((d) => d.pool_uuid === pool.uuid),
        status: statusOf(pool),
      },
    ];
  });
  const usable = members
    .filter((m) => m.ratio > 0 && !m.deactivated && m.status.state === 'OPER_UP')
    .sort((a, b) => b.priority - a.priority);
  const up = members.filter((m) => m.status.state === 'OPER_UP').length;
  return { members, up, deactivated, current: usable[0]?.pool, status: wholeStatus(members, usable.length) };
}

function wholeStatus(members: readonly GroupMember[], usable: number): OperStatus {
  const changedAt = newest(...members.map((m) => m.status.changedAt));
  if (members.every((m) => m.status.state === 'OPER_UNUSED'))
    return status('OPER_UNUSED', ['no placed virtual service uses it']);
  const off = members.filter((m) => m.deactivated);
  const reasons = off.map(
    ({ pool }) => `pool ${pool.name} is deactivated since it went down: enable_primary_pool uses it again`,
  );
  if (usable > 0)
    return status('OPER_UP', reasons, {
      changedAt,
      ...(off.length > 0 ? { code: 'PRIMARY_POOL_DEACTIVATED' } : {}),
    });
  return status(
    'OPER_DOWN',
    [off.length > 0 ? 'no pool of it is up and in use' : 'no pool of it is up', ...reasons],
    {
      code: 'POOL_DOWN',
      changedAt,
    },
  );
}
