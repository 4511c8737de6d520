import { refuseDuplicates, type Rule } from './rule.js';

export const stringGroupRules: Rule<'stringgroup'> = (group) =>
  refuseDuplicates('kv', group.kv, (pair) => pair.key, 'key');
