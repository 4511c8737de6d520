import type { Scope } from '@spillway/model';
import type { Spec } from './types.js';

export const ADMIN_TENANT = 'admin';

/** What an object is called and where that name counts, from its spec. */
export function identityOf(
  scope: Scope,
  spec: Readonly<Spec>,
): { name: string; tenantUuid: string; scopeUuid: string } {
  const text = (field: string): string => (typeof spec[field] === 'string' ? spec[field] : '');
  return {
    name: text('name'),
    tenantUuid: scope === 'system' ? ADMIN_TENANT : text('tenant_ref') || ADMIN_TENANT,
    scopeUuid: scope === 'cloud' ? text('cloud_ref') : '',
  };
}
