import { refuse, type Rule } from './rule.js';

export const serverAutoScalePolicyRules: Rule<'serverautoscalepolicy'> = ({ min_size, max_size }) =>
  min_size === undefined || max_size === undefined || min_size <= max_size
    ? []
    : [
        refuse(
          'min_size',
          `${min_size} is more than max_size ${max_size}`,
          `Set it to ${max_size} or less`,
          min_size,
        ),
      ];
