import type { FieldError } from '../errors.js';
import type { FilledPool, FilledVirtualService } from '../generated/filled.js';
import { isLayerFour, refusePersistence, unfitPersistence } from './persistence.js';
import { answersRequests, refuseAnswers } from './fail-action.js';
import { refuse, refuseAs, refuseDuplicates, type Rule, type RuleContext } from './rule.js';
import { vipRules } from './vsvip.js';

type Context = RuleContext<'virtualservice'>;

const isChild = (vs: FilledVirtualService): boolean => vs.type === 'VS_TYPE_VH_CHILD';

function reachable(vs: FilledVirtualService): FieldError[] {
  if (isChild(vs)) {
    return vs.vh_parent_vs_ref === undefined
      ? [
          refuse(
            'vh_parent_vs_ref',
            'a child virtual service needs its parent',
            'Set it, or set type to VS_TYPE_NORMAL',
          ),
        ]
      : [];
  }
  const errors: FieldError[] = [];
  if (vs.vsvip_ref === undefined && (vs.vip ?? []).length === 0) {
    errors.push(
      refuse('vsvip_ref', 'a virtual service needs a VIP', 'Set vsvip_ref, or list the addresses in vip'),
    );
  }
  if ((vs.services ?? []).length === 0) {
    errors.push(
      refuse('services', 'a virtual service needs a port to listen on', 'Set services to [{"port": 80}]'),
    );
  }
  return errors;
}

/**
 * Each port is a socket of its own in every worker of every SE. Opening 5,000 takes a worker some 70 ms, in which its
 * other virtual services wait, and a quarter of the file descriptors that a process commonly may have.
 */
const MAX_PORTS = 5000;

function tooManyPorts(vs: FilledVirtualService): FieldError[] {
  const count = (vs.services ?? []).reduce((sum, s) => sum + Math.max(1, s.port_range_end - s.port + 1), 0);
  return count <= MAX_PORTS
    ? []
    : [
        refuse(
          'services',
          `${count} ports are too many`,
          `Set services to ranges of at most ${MAX_PORTS} ports in all`,
        ),
      ];
}

function overlappingServices(vs: FilledVirtualService): FieldError[] {
  const services = vs.services ?? [];
  return services.flatMap((service, i) => {
    const other = services.findIndex(
      (o, j) =>
        j < i &&
        o.override_network_profile_ref === service.override_network_profile_ref &&
        o.port <= service.port_range_end &&
        service.port <= o.port_range_end,
    );
    if (other < 0) return [];
    return [
      refuse(
        `services[${i}].port`,
        `port ${service.port} is already in services[${other}]`,
        'Remove one of the two',
        service.port,
      ),
    ];
  });
}

function onePoolOrGroup(vs: FilledVirtualService): FieldError[] {
  if (vs.pool_ref === undefined || vs.pool_group_ref === undefined) return [];
  return [
    refuse(
      'pool_group_ref',
      'a virtual service has a pool or a pool group',
      'Remove pool_ref or pool_group_ref',
      vs.pool_group_ref,
    ),
  ];
}

function certificates(vs: FilledVirtualService): FieldError[] {
  const index = (vs.services ?? []).findIndex((s) => s.enable_ssl);
  if (index < 0 || isChild(vs) || (vs.ssl_key_and_certificate_refs ?? []).length > 0) return [];
  return [
    refuse(
      'ssl_key_and_certificate_refs',
      `services[${index}] has enable_ssl and there is no certificate`,
      'Name a certificate, for example System-Default-Cert, or set enable_ssl to false',
    ),
  ];
}

function poolOf(vs: FilledVirtualService, { lookup }: Context): FilledPool | undefined {
  return vs.pool_ref === undefined ? undefined : lookup?.('pool', vs.pool_ref);
}

/** What needs requests does not work where there are only connections. */
function layerFour(vs: FilledVirtualService, context: Context): FieldError[] {
  const { lookup } = context;
  if (!isLayerFour(vs, lookup)) return [];
  const errors: FieldError[] = [];
  if ((vs.http_policies ?? []).length > 0) {
    errors.push(
      refuse(
        'http_policies',
        'a layer 4 virtual service sees no requests',
        'Remove them, or choose an HTTP application profile',
      ),
    );
  }
  const group = vs.pool_group_ref === undefined ? undefined : lookup?.('poolgroup', vs.pool_group_ref);
  for (const [field, used] of [
    ['pool_ref', poolOf(vs, context)],
    ['pool_group_ref', group],
  ] as const)
    if (answersRequests(used?.fail_action))
      errors.push(refuseAnswers(field, used?.fail_action?.type ?? '', used?.name ?? '', vs.name, vs[field]));
  return errors;
}

/** Pools whose persistence goes by what this virtual service has not. */
function persistence(vs: FilledVirtualService, context: Context): FieldError[] {
  const { lookup } = context;
  const errors: FieldError[] = [];
  const own = unfitPersistence(vs, poolOf(vs, context), lookup);
  if (own !== undefined) errors.push(refusePersistence('pool_ref', own, vs.pool_ref));
  const group = vs.pool_group_ref === undefined ? undefined : lookup?.('poolgroup', vs.pool_group_ref);
  for (const { pool_ref } of group?.members ?? []) {
    const member = unfitPersistence(vs, lookup?.('pool', pool_ref), lookup);
    if (member !== undefined) errors.push(refusePersistence('pool_group_ref', member, vs.pool_group_ref));
  }
  return errors;
}

const DATAGRAMS: ReadonlySet<string> = new Set(['PROTOCOL_TYPE_UDP_FAST_PATH', 'PROTOCOL_TYPE_UDP_PROXY']);

function httpOverTcp(vs: FilledVirtualService, { lookup }: Context): FieldError[] {
  if (vs.application_profile_ref === undefined || vs.network_profile_ref === undefined) return [];
  const application = lookup?.('applicationprofile', vs.application_profile_ref);
  const network = lookup?.('networkprofile', vs.network_profile_ref);
  if (
    application?.type !== 'APPLICATION_PROFILE_TYPE_HTTP' ||
    !network ||
    !DATAGRAMS.has(network.profile.type)
  )
    return [];
  return [
    refuse(
      'network_profile_ref',
      `an HTTP virtual service needs TCP and ${network.name} is ${network.profile.type}`,
      'Choose System-TCP-Proxy, or another application profile',
      vs.network_profile_ref,
    ),
  ];
}

/** Addresses and servers are looked up in one routing table. */
function sameVrf(vs: FilledVirtualService, context: Context): FieldError[] {
  const mine = vs.vrf_context_ref;
  const pool = poolOf(vs, context);
  const vsvip = vs.vsvip_ref === undefined ? undefined : context.lookup?.('vsvip', vs.vsvip_ref);
  const errors: FieldError[] = [];
  if (mine && pool?.vrf_ref && pool.vrf_ref !== mine) {
    errors.push(
      refuseAs('pool_ref', `VRF Context for ${vs.name} and pool ${pool.name} different`, vs.pool_ref),
    );
  }
  if (mine && vsvip?.vrf_context_ref && vsvip.vrf_context_ref !== mine) {
    errors.push(
      refuseAs('vsvip_ref', `VRF Context for ${vs.name} and VsVip ${vsvip.name} different`, vs.vsvip_ref),
    );
  }
  return errors;
}

export const virtualServiceRules: Rule<'virtualservice'> = (vs, context) => [
  ...reachable(vs),
  ...vipRules(vs.vip, context.previous?.vip),
  ...tooManyPorts(vs),
  ...overlappingServices(vs),
  ...onePoolOrGroup(vs),
  ...refuseDuplicates('http_policies', vs.http_policies, (policy) => String(policy.index), 'index'),
  ...refuseDuplicates(
    'http_policies',
    vs.http_policies,
    (policy) => policy.http_policy_set_ref,
    'policy set',
  ),
  ...certificates(vs),
  ...layerFour(vs, context),
  ...persistence(vs, context),
  ...httpOverTcp(vs, context),
  ...sameVrf(vs, context),
];
