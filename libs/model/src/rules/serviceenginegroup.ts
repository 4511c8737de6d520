import type { FieldError } from '../errors.js';
import type { FilledServiceEngineGroup } from '../generated/filled.js';
import { refuse, type Rule } from './rule.js';

type NumberField = {
  [F in keyof FilledServiceEngineGroup]-?: FilledServiceEngineGroup[F] extends number | undefined ? F : never;
}[keyof FilledServiceEngineGroup];

/** Pairs of which the first must not exceed the second. */
const ORDERED: readonly (readonly [NumberField, NumberField])[] = [
  ['min_scaleout_per_vs', 'max_scaleout_per_vs'],
  ['min_se', 'max_se'],
  ['min_cpu_usage', 'max_cpu_usage'],
  ['ephemeral_portrange_start', 'ephemeral_portrange_end'],
];

function ordered(group: FilledServiceEngineGroup): FieldError[] {
  return ORDERED.flatMap(([low, high]) => {
    const [a, b] = [group[low], group[high]];
    if (a === undefined || b === undefined || a <= b) return [];
    return [refuse(low, `${a} is more than ${high} ${b}`, `Set it to ${b} or less, or raise ${high}`, a)];
  });
}

/** Other criteria than CPU are a percentage of a capacity, which must be known (virtual service scaling document, Automatic Rebalancing). */
function rebalance(group: FilledServiceEngineGroup): FieldError[] {
  const criteria = group.auto_rebalance_criteria ?? [];
  const counted = criteria.filter((c) => c !== 'SE_AUTO_REBALANCE_CPU');
  const capacities = (group.auto_rebalance_capacity_per_se ?? []).length;
  if (!group.auto_rebalance || counted.length <= capacities) return [];
  return [
    refuse(
      'auto_rebalance_capacity_per_se',
      `${counted.join(', ')} ${counted.length === 1 ? 'needs' : 'need'} a capacity and there are ${capacities}`,
      'Give one capacity for each criterion other than SE_AUTO_REBALANCE_CPU, in the same order',
    ),
  ];
}

/** Legacy active/standby is a pair: it does not scale out. */
function legacyPair(group: FilledServiceEngineGroup): FieldError[] {
  if (group.ha_mode !== 'HA_MODE_LEGACY_ACTIVE_STANDBY' || group.min_scaleout_per_vs === 1) return [];
  return [
    refuse(
      'min_scaleout_per_vs',
      `${group.min_scaleout_per_vs} is not possible with ha_mode HA_MODE_LEGACY_ACTIVE_STANDBY, where each virtual service runs on one service engine`,
      'Set it to 1, or choose another ha_mode',
      group.min_scaleout_per_vs,
    ),
  ];
}

export const serviceEngineGroupRules: Rule<'serviceenginegroup'> = (group) => [
  ...ordered(group),
  ...rebalance(group),
  ...legacyPair(group),
];
