import { isKind, kinds } from '@spillway/model';
import { errors } from '../errors.js';
import type { TenantScope } from '../rest/visibility.js';
import { ADMIN_TENANT, type ObjectView, type StoredObject } from '../store/index.js';
import { permissionOf, type Access } from './permissions.js';

type Grants = ReadonlyMap<string, Access>;

/** Who asks, and what their roles allow in each tenant. */
export class Principal {
  constructor(
    readonly uuid: string,
    readonly name: string,
    readonly superuser: boolean,
    /** What roles allow in every tenant. */
    private readonly everywhere: Grants,
    private readonly byTenant: ReadonlyMap<string, Grants>,
  ) {}

  /** Whether the user belongs to a tenant in any role. */
  enters(tenantUuid: string): boolean {
    return this.superuser || this.everywhere.size > 0 || this.byTenant.has(tenantUuid);
  }

  can(kind: string, access: Access, tenantUuid: string): boolean {
    if (this.superuser) return true;
    const permission = permissionOf(kind);
    const granted = [this.everywhere.get(permission), this.byTenant.get(tenantUuid)?.get(permission)];
    return granted.includes('write') || (access === 'read' && granted.includes('read'));
  }

  /** The tenants that the user enters: a list, or every one. */
  tenants(): readonly string[] | 'every' {
    return this.superuser || this.everywhere.size > 0 ? 'every' : [...this.byTenant.keys()];
  }
}

/** The principal of a user object, from the roles as they are now. */
export function principalOf(user: StoredObject, view: ObjectView): Principal {
  const entries = Array.isArray(user.spec['access'])
    ? (user.spec['access'] as Record<string, unknown>[])
    : [];
  const everywhere = new Map<string, Access>();
  const byTenant = new Map<string, Map<string, Access>>();
  for (const entry of entries) {
    const grants = grantsOf(typeof entry['role_ref'] === 'string' ? view.get(entry['role_ref']) : undefined);
    if (entry['all_tenants'] === true) merge(everywhere, grants);
    else if (typeof entry['tenant_ref'] === 'string') {
      const tenant = byTenant.get(entry['tenant_ref']) ?? new Map<string, Access>();
      merge(tenant, grants);
      byTenant.set(entry['tenant_ref'], tenant);
    }
  }
  return new Principal(user.uuid, user.name, user.spec['is_superuser'] === true, everywhere, byTenant);
}

function grantsOf(role: StoredObject | undefined): Grants {
  const privileges = Array.isArray(role?.spec['privileges'])
    ? (role.spec['privileges'] as Record<string, unknown>[])
    : [];
  return new Map(
    privileges.flatMap(({ resource, type }): [string, Access][] => {
      if (typeof resource !== 'string') return [];
      return type === 'WRITE_ACCESS'
        ? [[resource, 'write']]
        : type === 'READ_ACCESS'
          ? [[resource, 'read']]
          : [];
    }),
  );
}

function merge(into: Map<string, Access>, grants: Grants): void {
  for (const [permission, access] of grants)
    if (into.get(permission) !== 'write') into.set(permission, access);
}

/** What one request may see and do. */
export class RequestContext {
  constructor(
    readonly principal: Principal,
    /** What the tenant header asked for. */
    readonly scope: TenantScope,
    /** `https://host` as the client called it. */
    readonly base: string,
    /** `X-Avi-Version` of the request. */
    readonly apiVersion: string | undefined,
  ) {}

  /** The tenant that new objects belong to. */
  get tenantUuid(): string {
    return 'uuid' in this.scope ? this.scope.uuid : ADMIN_TENANT;
  }

  /** Refuses with a 403 where the roles do not allow it. Reading counts in the request's tenant, or in any of them. */
  require(kind: string, access: Access, tenantUuid?: string): void {
    const tenants = tenantUuid !== undefined ? [tenantUuid] : this.tenantsAsked();
    if (tenants.some((tenant) => this.principal.can(kind, access, tenant))) return;
    const type = isKind(kind) ? kinds[kind].type : kind;
    throw errors.forbidden(
      `User ${this.principal.name} may not ${access} ${type} in this tenant. A role with ${permissionOf(kind)} ${access === 'read' ? 'READ_ACCESS' : 'WRITE_ACCESS'} allows it.`,
    );
  }

  /** Whether an object of the request's scope may be read by this user. */
  reads(object: StoredObject): boolean {
    const { principal } = this;
    if (object.kind === 'tenant') return principal.enters(object.uuid);
    return this.tenantsAsked().some((tenant) => principal.can(object.kind, 'read', tenant));
  }

  private tenantsAsked(): readonly string[] {
    if ('uuid' in this.scope) return [this.scope.uuid];
    return this.scope.all === 'every' ? [ADMIN_TENANT] : this.scope.all;
  }
}
