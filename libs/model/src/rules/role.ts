import { refuseDuplicates, type Rule } from './rule.js';

export const roleRules: Rule<'role'> = (role) =>
  refuseDuplicates('privileges', role.privileges, (p) => p.resource, 'resource');
