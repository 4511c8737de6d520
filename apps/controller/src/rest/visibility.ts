import { isKind, kinds } from '@spillway/model';
import { ADMIN_TENANT, type StoredObject } from '../store/index.js';

/** Kinds of the admin tenant that every tenant uses: the infrastructure belongs to the provider. */
const SHARED_KINDS: ReadonlySet<string> = new Set([
  'cloud',
  'vrfcontext',
  'serviceenginegroup',
  'network',
  'role',
]);

/** The tenants that a request is about: one, or all that the user may see. */
export type TenantScope = { readonly uuid: string } | { readonly all: readonly string[] | 'every' };

/** Whether objects of this tenant may use an object: its own, the system's, and what the provider shares. */
export function visibleInTenant(tenantUuid: string, object: StoredObject): boolean {
  if (object.tenantUuid === tenantUuid) return true;
  if (isKind(object.kind) && kinds[object.kind].scope === 'system') return true;
  return object.tenantUuid === ADMIN_TENANT && (object.systemDefault || SHARED_KINDS.has(object.kind));
}

/** Whether a request sees an object. */
export function visible(scope: TenantScope, object: StoredObject): boolean {
  if ('uuid' in scope) return visibleInTenant(scope.uuid, object);
  return scope.all === 'every' || scope.all.some((tenant) => visibleInTenant(tenant, object));
}
