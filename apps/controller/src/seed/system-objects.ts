import { fieldsOf, kinds, type KindName } from '@spillway/model';
import { permissionNames } from '../identity/permissions.js';
import type { Spec } from '../store/index.js';
import { ALERTS } from './alerts.js';
import { PROFILES } from './profiles.js';
import { seedUuid } from './seed-uuid.js';

/** A system object. References in `spec` are `kind/name` of other system objects. */
export interface Seed {
  readonly kind: KindName;
  readonly name: string;
  readonly uuid?: string;
  readonly spec: Spec;
  /** False: it may be deleted or renamed by its owner. */
  readonly systemDefault?: boolean;
}

export const ADMIN_USER = 'user-1';

const role = (name: string, type: string, without: readonly string[] = []): Seed => ({
  kind: 'role',
  name,
  spec: {
    privileges: permissionNames().map((resource) => ({
      type: without.includes(resource) ? 'NO_ACCESS' : type,
      resource,
    })),
  },
});

/** What belongs to the provider and not to a tenant's administrator. */
const PROVIDER_ONLY = [
  'PERMISSION_CONTROLLER',
  'PERMISSION_INTERNAL',
  'PERMISSION_TENANT',
  'PERMISSION_USER',
  'PERMISSION_ROLE',
  'PERMISSION_CLOUD',
  'PERMISSION_SERVICEENGINE',
  'PERMISSION_SERVICEENGINEGROUP',
  'PERMISSION_SYSTEMCONFIGURATION',
  'PERMISSION_UPGRADE',
  'PERMISSION_REBOOT',
  'PERMISSION_LICENSING',
];

/** Every system object, in the order in which they refer to each other. */
export function systemObjects(defaultCloud: 'none' | 'process'): Seed[] {
  return [
    { kind: 'tenant', name: 'admin', uuid: 'admin', spec: { local: true } },
    { kind: 'systemconfiguration', name: 'default', spec: { portal_configuration: {} } },
    { kind: 'controllerproperties', name: 'default', spec: {} },
    { kind: 'seproperties', name: 'default', spec: {} },
    { kind: 'cluster', name: 'cluster-0-1', spec: {} },
    role('System-Admin', 'WRITE_ACCESS'),
    role('Tenant-Admin', 'WRITE_ACCESS', PROVIDER_ONLY),
    {
      kind: 'user',
      name: 'admin',
      uuid: ADMIN_USER,
      spec: {
        username: 'admin',
        full_name: 'System Administrator',
        local: true,
        is_superuser: true,
        is_active: true,
        default_tenant_ref: 'tenant/admin',
        access: [{ role_ref: 'role/System-Admin', tenant_ref: 'tenant/admin', all_tenants: true }],
      },
    },
    { kind: 'cloud', name: 'Default-Cloud', spec: { vtype: 'CLOUD_NONE', connector: defaultCloud } },
    { kind: 'vrfcontext', name: 'global', spec: { system_default: true, cloud_ref: 'cloud/Default-Cloud' } },
    {
      kind: 'vrfcontext',
      name: 'management',
      spec: { system_default: true, cloud_ref: 'cloud/Default-Cloud' },
    },
    { kind: 'serviceenginegroup', name: 'Default-Group', spec: { cloud_ref: 'cloud/Default-Cloud' } },
    ...PROFILES,
    ...ALERTS,
  ];
}

/** A seed's uuid and its spec as it is stored: named, in tenant admin, references as uuids. */
export function materialise(seed: Seed, seeds: readonly Seed[]): { uuid: string; spec: Spec } {
  const uuids = new Map(seeds.map((s) => [`${s.kind}/${s.name}`, s.uuid ?? seedUuid(s.kind, s.name)]));
  const change = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((element: unknown) => change(element, key));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, change(v, k)]));
    if (typeof value !== 'string' || !/_refs?$/.test(key)) return value;
    const uuid = uuids.get(value);
    if (uuid === undefined)
      throw new Error(`${seed.kind} ${seed.name} refers to ${value}, which is not seeded`);
    return uuid;
  };
  const spec = change(seed.spec, '') as Spec;
  const fields = fieldsOf(kinds[seed.kind].type);
  return {
    uuid: seed.uuid ?? seedUuid(seed.kind, seed.name),
    spec: {
      ...(fields.has('name') ? { name: seed.name } : {}),
      ...(fields.has('tenant_ref') ? { tenant_ref: 'admin' } : {}),
      ...spec,
    },
  };
}
