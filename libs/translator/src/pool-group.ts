import type { FilledPoolGroup, FilledPriorityLabels } from '@spillway/model';
import type { PoolGroup } from '@spillway/snapshot';
import { backupOf, failActionOf } from './fail-action.js';
import { poolGroupStateOf } from './pool-group-state.js';
import { clamp, follow, refUuid } from './read.js';
import { error, failed, type Lookup, type Problem, type Translated, warning } from './types.js';

/**
 * A pool group with its members in numbers. Where the group names priority labels, the labels of one line are equal
 * and lines that come first are preferred; else labels are numbers, higher before lower. A member without a label that
 * has a meaning comes last.
 */
export function translatePoolGroup(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'poolgroup')
    return failed(error('POOL_GROUP_MISSING', '', `pool group ${uuid} does not exist`));
  const spec = object.spec as FilledPoolGroup;
  const problems: Problem[] = [];
  const rank = rankOf(spec, lookup, problems);
  const members = (spec.members ?? []).flatMap(({ pool_ref, priority_label, ratio, deployment_state }, i) => {
    const pool = follow(lookup, pool_ref, 'pool');
    if (pool === undefined) {
      problems.push(warning('POOL_MISSING', `members[${i}].pool_ref`, `pool ${pool_ref} does not exist`));
      return [];
    }
    const out = deployment_state === 'OUT_OF_SERVICE' || deployment_state === 'EVALUATION_FAILED';
    return [{ pool_uuid: pool.uuid, priority: rank(priority_label), ratio: out ? 0 : clamp(ratio, 0, 1000) }];
  });
  const failAction =
    spec.fail_action === undefined ? undefined : failActionOf(spec.fail_action, lookup, problems);
  const body: PoolGroup = {
    uuid,
    name: object.name,
    members,
    min_servers: clamp(spec.min_servers, 0, 65_535),
    ...(failAction === undefined ? {} : { fail_action: failAction }),
    ...(spec.deactivate_primary_pool_on_down ? { deactivate_on_down: deactivationOf(uuid, lookup) } : {}),
  };
  return {
    fragment: { type: 'pool_group', key: uuid, body },
    uses: [...members.map((m) => ({ type: 'pool' as const, uuid: m.pool_uuid })), ...backupOf(failAction)],
    problems,
  };
}

function deactivationOf(uuid: string, lookup: Lookup): NonNullable<PoolGroup['deactivate_on_down']> {
  const { cleared, deactivated } = poolGroupStateOf(uuid, lookup);
  return { cleared, pool_uuids: deactivated.map((d) => d.pool_uuid) };
}

const HIGHEST = 4_294_967_295;

function rankOf(
  spec: FilledPoolGroup,
  lookup: Lookup,
  problems: Problem[],
): (label: string | undefined) => number {
  const ref = spec.priority_labels_ref;
  if (refUuid(ref) === undefined || spec.implicit_priority_labels)
    return (label) => (label !== undefined && /^\d+$/.test(label) ? clamp(Number(label), 0, HIGHEST) : 0);
  const labels = follow(lookup, ref, 'prioritylabels');
  if (labels === undefined)
    problems.push(
      warning('POOL_GROUP_MISSING', 'priority_labels_ref', `priority labels ${ref} do not exist`),
    );
  const lines = (labels?.spec as FilledPriorityLabels | undefined)?.equivalent_labels ?? [];
  const ranks = new Map(
    lines.flatMap((line, i) => (line.labels ?? []).map((label) => [label, lines.length - i] as const)),
  );
  return (label) => (label === undefined ? 0 : (ranks.get(label) ?? 0));
}
