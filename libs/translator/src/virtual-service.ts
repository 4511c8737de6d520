import type {
  FilledApplicationProfile,
  FilledPool,
  FilledVip,
  FilledVirtualService,
  FilledVsVip,
} from '@spillway/model';
import type { L4Application, ServerTls, Service, Vip, VirtualService } from '@spillway/snapshot';
import { ipAddress } from './address.js';
import { applicationOf } from './application.js';
import { acceptProxyOf, l4RulesOf, usedByRules, withProxy } from './l4-policy.js';
import { networkOf, tcpOptionsOf } from './network-profile.js';
import { limitsOf } from './limits.js';
import { errorExclusionsOf } from './errors.js';
import { follow, refUuid } from './read.js';
import { refuseUnfitPersistence } from './persistence.js';
import { requestsOnly } from './requests-only.js';
import { sipOf } from './sip.js';
import { serverTlsOf, type HttpTls } from './tls/server.js';
import { TICKET_SECRETS } from './tls/ticket-keys.js';
import { upRuleOf } from './up-rule.js';
import { error, failed, type Lookup, type Problem, type Translated, warning } from './types.js';

/**
 * A virtual service with its VIPs, ports, profiles and pool. Whatever makes it impossible to serve is an error and
 * leaves it out; a pool that is missing leaves it without one (requests get a 503), with a warning.
 */
export function translateVirtualService(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'virtualservice')
    return failed(error('VS_MISSING', '', `virtual service ${uuid} does not exist`));
  const spec = object.spec as FilledVirtualService;
  const problems: Problem[] = [];
  if (spec.type !== 'VS_TYPE_NORMAL')
    problems.push(
      error('VS_TYPE_NOT_HONOURED', 'type', `${spec.type} is not served yet; use VS_TYPE_NORMAL`),
    );
  const vips = vipsOf(spec, lookup, problems);
  const pool = poolOf(spec, lookup, problems);
  const group = poolGroupOf(spec, lookup, problems);
  const policies = policiesOf(spec);
  const network = refUuid(spec.network_security_policy_ref);
  const application = applicationOf(spec, pool?.spec, lookup, problems);
  const listed = servicesOf(spec, 'code' in application ? undefined : application, lookup, problems);
  if ('code' in application) problems.push(application);
  const refused: Problem[] = [];
  const tls =
    'code' in application
      ? undefined
      : serverTlsOf(spec, httpTlsOf(spec, lookup), application, lookup, refused);
  const services = tls === undefined ? listed.filter((s) => s.enable_ssl !== true) : listed;
  // Ports without TLS are served all the same.
  for (const p of refused) problems.push(services.length > 0 ? { ...p, severity: 'warning' } : p);
  const rules = 'code' in application ? [] : l4RulesOf(spec, application, lookup, problems);
  const proxied = acceptProxyOf(spec, lookup, problems);
  const options = tcpOptionsOf(spec.network_profile_ref, lookup);
  if (problems.some((p) => p.severity === 'error') || 'code' in application)
    return { fragment: undefined, uses: [], problems };
  const limits = limitsOf(spec, lookup, problems);
  const sip = sipOf(spec, pool?.spec, lookup, problems);
  problems.push(...requestsOnly(application, pool?.spec));
  const reached = { application, services, l4_rules: rules, pool_uuid: pool?.uuid, pool_group_uuid: group };
  const persistence = refuseUnfitPersistence(reached, lookup);
  if (persistence.length > 0)
    return { fragment: undefined, uses: [], problems: [...problems, ...persistence] };
  const exclusions = errorExclusionsOf(spec, lookup);
  const body: VirtualService = {
    uuid,
    name: object.name,
    tenant: follow(lookup, spec.tenant_ref, 'tenant')?.name ?? '',
    enabled: spec.enabled && spec.traffic_enabled,
    vips,
    services,
    application,
    ...(pool === undefined ? {} : { pool_uuid: pool.uuid }),
    ...(proxied === undefined ? {} : { accept_proxy: proxied }),
    ...(options === undefined ? {} : { tcp_options: options }),
    ...(rules.length === 0 ? {} : { l4_rules: rules }),
    ...(sip === undefined ? {} : { sip }),
    ...(limits === undefined ? {} : { limits }),
    ...(group === undefined ? {} : { pool_group_uuid: group }),
    ...(policies.length === 0 ? {} : { http_policy_set_uuids: policies }),
    ...(network === undefined ? {} : { network_policy_uuid: network }),
    ...(tls === undefined ? {} : { tls }),
    ...(spec.remove_listening_port_on_vs_down ? { close_when_down: upRuleOf(spec, lookup) } : {}),
    ...(exclusions === undefined ? {} : { error_exclusions: exclusions }),
  };
  return {
    fragment: { type: 'virtual_service', key: uuid, body },
    uses: [
      ...(pool === undefined ? [] : [{ type: 'pool' as const, uuid: pool.uuid }]),
      ...usedByRules(rules),
      ...(group === undefined ? [] : [{ type: 'pool_group' as const, uuid: group }]),
      ...policies.map((set) => ({ type: 'http_policy_set' as const, uuid: set })),
      ...(network === undefined ? [] : [{ type: 'network_policy' as const, uuid: network }]),
      ...(tls === undefined ? [] : usesOfTls(uuid, tls, lookup)),
    ],
    problems,
  };
}

/** Certificates, and ticket keys once the cluster has them; without, sessions are resumed on one worker only. */
function usesOfTls(uuid: string, tls: ServerTls, lookup: Lookup): Translated['uses'] {
  const tickets = lookup.get(TICKET_SECRETS) !== undefined && tls.profile.session_reuse;
  return [
    ...tls.certificate_uuids.map((c) => ({ type: 'certificate' as const, uuid: c })),
    ...(tickets ? [{ type: 'ticket_keys' as const, uuid }] : []),
  ];
}

function httpTlsOf(vs: FilledVirtualService, lookup: Lookup): HttpTls | undefined {
  const profile = follow(lookup, vs.application_profile_ref, 'applicationprofile');
  return (profile?.spec as FilledApplicationProfile | undefined)?.http_profile;
}

/** The VIPs of the VsVip, or those that the virtual service holds itself; one entry for each address. */
function vipsOf(vs: FilledVirtualService, lookup: Lookup, problems: Problem[]): Vip[] {
  const vsvip = follow(lookup, vs.vsvip_ref, 'vsvip');
  const listed = (vsvip === undefined ? vs.vip : (vsvip.spec as FilledVsVip).vip) ?? [];
  const found = new Map<string, Vip>();
  for (const [i, vip] of listed.entries()) {
    if (!vip.enabled) continue;
    for (const field of ['ip_address', 'ip6_address'] as const) {
      const address = addressOf(vip, field, i, problems);
      if (address !== undefined) found.set(`${vip.vip_id} ${address}`, { vip_id: vip.vip_id, address });
    }
  }
  const vips = [...found.values()].slice(0, 64);
  if (vips.length === 0)
    problems.push(
      error(
        'VIP_MISSING',
        vs.vsvip_ref === undefined ? 'vip' : 'vsvip_ref',
        'the virtual service has no VIP with an address; give its vsvip an ip_address or ip6_address',
      ),
    );
  return vips;
}

function addressOf(
  vip: FilledVip,
  field: 'ip_address' | 'ip6_address',
  index: number,
  problems: Problem[],
): string | undefined {
  const given = vip[field]?.addr;
  if (given === undefined) return undefined;
  const address = ipAddress(given);
  if (address === undefined || /^(0\.0\.0\.0|::)$/.test(address)) {
    problems.push(
      warning(
        'VIP_ADDRESS_UNUSABLE',
        `vip[${index}].${field}`,
        `${given} is not an address that can be served`,
      ),
    );
    return undefined;
  }
  return address;
}

/** Ports, without those that would need what is not honoured yet: serving them otherwise would be worse than not. */
function servicesOf(
  vs: FilledVirtualService,
  application: VirtualService['application'] | undefined,
  lookup: Lookup,
  problems: Problem[],
): Service[] {
  const services: Service[] = [];
  for (const [i, service] of (vs.services ?? []).entries()) {
    const without: string[] = service.override_application_profile_ref
      ? ['override_application_profile_ref']
      : [];
    const network = overrideOf(vs, service.override_network_profile_ref, application, i, lookup);
    const carries = network === undefined || 'code' in network ? application?.type : network.type;
    if (service.enable_ssl && carries === 'udp') without.push('enable_ssl with UDP');
    const end = service.port_range_end || service.port;
    const path = `services[${i}]`;
    if (without.length > 0)
      problems.push(
        warning(
          'SERVICE_NOT_HONOURED',
          path,
          `port ${service.port} is not served: ${without.join(', ')} is not honoured yet`,
        ),
      );
    else if (network !== undefined && 'code' in network) problems.push({ ...network, severity: 'warning' });
    else if (service.port < 1 || end < service.port)
      problems.push(
        warning(
          'SERVICE_NOT_HONOURED',
          path,
          `ports ${service.port} to ${end} are not a range from 1 to 65535`,
        ),
      );
    else
      services.push({
        port: service.port,
        port_range_end: end,
        ...(service.enable_ssl ? { enable_ssl: true } : {}),
        ...(service.enable_http2 && application?.type === 'http' ? { enable_http2: true } : {}),
        ...(network === undefined ? {} : { application: network }),
      });
  }
  if (services.length === 0)
    problems.push(error('SERVICE_MISSING', 'services', 'the virtual service has no port that can be served'));
  return services.slice(0, 512);
}

/** What a port carries by a network profile of its own; undefined where it has none. */
function overrideOf(
  vs: FilledVirtualService,
  ref: string | undefined,
  application: VirtualService['application'] | undefined,
  index: number,
  lookup: Lookup,
): L4Application | Problem | undefined {
  if (!ref) return undefined;
  const path = `services[${index}].override_network_profile_ref`;
  if (application?.type === 'http')
    return error(
      'SERVICE_NOT_HONOURED',
      path,
      'a network profile of a port is not honoured where the virtual service is for HTTP: the port is not served',
    );
  const network = networkOf(ref, path, lookup);
  return 'code' in network ? network : withProxy(network, vs, lookup);
}

function poolOf(
  vs: FilledVirtualService,
  lookup: Lookup,
  problems: Problem[],
): { uuid: string; spec: FilledPool } | undefined {
  if (vs.pool_ref === undefined) return undefined;
  const pool = follow(lookup, vs.pool_ref, 'pool');
  if (pool === undefined) {
    problems.push(
      warning('POOL_MISSING', 'pool_ref', `pool ${vs.pool_ref} does not exist; requests get a 503`),
    );
    return undefined;
  }
  return { uuid: pool.uuid, spec: pool.spec as FilledPool };
}

/** The group that takes the place of a pool; a pool that is named too is preferred. */
function poolGroupOf(vs: FilledVirtualService, lookup: Lookup, problems: Problem[]): string | undefined {
  if (vs.pool_group_ref === undefined || vs.pool_ref !== undefined) return undefined;
  const group = follow(lookup, vs.pool_group_ref, 'poolgroup');
  if (group === undefined)
    problems.push(
      warning(
        'POOL_GROUP_MISSING',
        'pool_group_ref',
        `pool group ${vs.pool_group_ref} does not exist; requests get a 503`,
      ),
    );
  return group?.uuid;
}

/** Policy sets in the order of their index, each once. */
function policiesOf(vs: FilledVirtualService): string[] {
  const sets = (vs.http_policies ?? []).toSorted((a, b) => a.index - b.index);
  return [...new Set(sets.flatMap((set) => refUuid(set.http_policy_set_ref) ?? []))];
}
