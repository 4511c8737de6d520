import { fieldsOf, kinds, type KindName } from '@spillway/model';
import type { ObjectView, Spec, StoredObject } from '../store/index.js';
import { textOf } from './text.js';
import { visibleInTenant } from './visibility.js';

/** References that the server fills in by the name of a system object. */
const BY_NAME: Partial<Record<KindName, Readonly<Record<string, string>>>> = {
  virtualservice: {
    application_profile_ref: 'System-HTTP',
    network_profile_ref: 'System-TCP-Proxy',
    analytics_profile_ref: 'System-Analytics-Profile',
  },
};

const L4_TYPES = new Set(['APPLICATION_PROFILE_TYPE_L4', 'APPLICATION_PROFILE_TYPE_SSL']);

/**
 * The references that a client may leave out, as uuids: cloud, VRF context, SE group, profiles. `spec` has its
 * tenant_ref. A field is filled only where the kind has it and what it would name exists.
 */
export function fillReferences(kind: KindName, spec: Spec, view: ObjectView): Spec {
  const fields = fieldsOf(kinds[kind].type);
  const filled: Spec = { ...spec };
  const tenant = textOf(spec['tenant_ref'] ?? 'admin');
  const fill = (field: string, target: string, name: string): void => {
    if (!fields.has(field) || filled[field] !== undefined) return;
    const cloud = typeof filled['cloud_ref'] === 'string' ? filled['cloud_ref'] : undefined;
    const found = nearest(view.byName(target, name), tenant, cloud);
    if (found) filled[field] = found.uuid;
  };
  if (kind !== 'cloud') fill('cloud_ref', 'cloud', 'Default-Cloud');
  fill('vrf_ref', 'vrfcontext', 'global');
  fill('vrf_context_ref', 'vrfcontext', 'global');
  if (kind === 'virtualservice') fill('se_group_ref', 'serviceenginegroup', 'Default-Group');
  for (const [field, name] of Object.entries(BY_NAME[kind] ?? {}))
    fill(field, fields.get(field)?.target ?? '', name);
  if (kind === 'virtualservice' && usesTls(filled, view))
    fill('ssl_profile_ref', 'sslprofile', 'System-Standard');
  return filled;
}

/** Own tenant before shared; with a cloud, only what lies in it or in none. */
function nearest(
  found: readonly StoredObject[],
  tenant: string,
  cloud: string | undefined,
): StoredObject | undefined {
  const usable = found.filter(
    (o) => visibleInTenant(tenant, o) && (o.scopeUuid === '' || o.scopeUuid === cloud),
  );
  return usable.find((o) => o.tenantUuid === tenant) ?? usable[0];
}

/** A virtual service whose port terminates TLS needs a TLS profile; at layer 4 only where it says so. */
function usesTls(spec: Spec, view: ObjectView): boolean {
  const services = Array.isArray(spec['services']) ? (spec['services'] as Spec[]) : [];
  const profile =
    typeof spec['application_profile_ref'] === 'string'
      ? view.get(spec['application_profile_ref'])
      : undefined;
  if (L4_TYPES.has(String(profile?.spec['type'])) && profile?.spec['type'] !== 'APPLICATION_PROFILE_TYPE_SSL')
    return false;
  return services.some((service) => service['enable_ssl'] === true);
}
