import { refuse, refuseDuplicates, type Rule } from './rule.js';

export const poolGroupRules: Rule<'poolgroup'> = (group) => [
  ...refuseDuplicates('members', group.members, (m) => m.pool_ref, 'pool'),
  ...(group.members ?? []).flatMap(({ priority_label: label }, i) =>
    !group.implicit_priority_labels || label === undefined || /^\d+$/.test(label)
      ? []
      : [
          refuse(
            `members[${i}].priority_label`,
            `${JSON.stringify(label)} is not a number and implicit_priority_labels is true`,
            'Set it to a number such as "10", higher before lower, or give priority_labels_ref',
            label,
          ),
        ],
  ),
];
