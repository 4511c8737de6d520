import type {
  FilledCookieMatch,
  FilledHdrMatch,
  FilledHostHdrMatch,
  FilledIpAddrMatch,
  FilledLocationHdrMatch,
  FilledMatchTarget,
  FilledPathMatch,
  FilledQueryMatch,
  FilledResponseMatchTarget,
  FilledStringGroup,
} from '@spillway/model';
import type {
  AddressTest,
  NamedTest,
  RequestMatch,
  ResponseMatch,
  TargetTest,
  TextTest,
} from '@spillway/snapshot';
import { Regex, RegexError } from '@spillway/policy';
import { follow, refUuid } from '../read.js';
import type { Lookup } from '../types.js';
import { rangesOf } from './groups.js';
import type { Refusals } from './refusals.js';

type Operator = TextTest['operator'];

const OPERATORS: Readonly<Record<string, readonly [Operator, negated: boolean]>> = {
  EXISTS: ['exists', false],
  DOES_NOT_EXIST: ['exists', true],
  BEGINS_WITH: ['begins_with', false],
  DOES_NOT_BEGIN_WITH: ['begins_with', true],
  CONTAINS: ['contains', false],
  DOES_NOT_CONTAIN: ['contains', true],
  ENDS_WITH: ['ends_with', false],
  DOES_NOT_END_WITH: ['ends_with', true],
  EQUALS: ['equals', false],
  DOES_NOT_EQUAL: ['equals', true],
  REGEX_MATCH: ['regex', false],
  REGEX_DOES_NOT_MATCH: ['regex', true],
};

interface WrittenText {
  match_criteria: string;
  match_case: 'SENSITIVE' | 'INSENSITIVE';
}

/** The criteria of headers, paths and queries differ by a prefix only. */
function textTest(
  match: WrittenText,
  values: readonly string[] | undefined,
  groups: readonly string[] | undefined,
): TextTest {
  const [operator, negated] = OPERATORS[match.match_criteria.replace(/^(HDR|QUERY_MATCH)_/, '')] ?? [
    'exists',
    false,
  ];
  return {
    negated,
    operator,
    fold: match.match_case === 'INSENSITIVE',
    values: [...(values ?? [])],
    string_group_uuids: (groups ?? []).flatMap((ref) => refUuid(ref) ?? []),
  };
}

const targetTest = (match: FilledPathMatch | FilledQueryMatch): TargetTest => ({
  ...textTest(match, match.match_str, match.string_group_refs),
  decoded: match.match_decoded_string,
});

const namedTest = (match: FilledHdrMatch): NamedTest => ({
  ...textTest(match, match.value, undefined),
  name: match.hdr,
});

const hostTest = (match: FilledHostHdrMatch | FilledLocationHdrMatch): TextTest =>
  textTest(match, match.value, undefined);

const cookieTest = (match: FilledCookieMatch): NamedTest => ({
  ...textTest(match, match.value === undefined ? [] : [match.value], undefined),
  name: match.name,
});

export const isNegated = (criteria: 'IS_IN' | 'IS_NOT_IN'): boolean => criteria === 'IS_NOT_IN';

export const addressTest = (match: FilledIpAddrMatch, path: string, refusals: Refusals): AddressTest => ({
  negated: isNegated(match.match_criteria),
  ranges: rangesOf(match, `${path}.`, refusals),
  address_group_uuids: (match.group_refs ?? []).flatMap((ref) => refUuid(ref) ?? []),
});

const VERSIONS = { ZERO_NINE: '0.9', ONE_ZERO: '1.0', ONE_ONE: '1.1', TWO_ZERO: '2.0' } as const;

const set = <T>(criteria: 'IS_IN' | 'IS_NOT_IN', values: readonly T[] | undefined) => ({
  negated: isNegated(criteria),
  values: [...(values ?? [])],
});

/** The parts of a request's match that both kinds of target have. */
type Requested = Omit<FilledMatchTarget, (typeof NOT_HONOURED)[number]> | FilledResponseMatchTarget;

/** What service engines have no data for. */
const NOT_HONOURED = [
  'bot_detection_result',
  'geo_matches',
  'ip_reputation_type',
  'tls_fingerprint_match',
] as const;

function requested(match: Requested, path: string, refusals: Refusals, lookup: Lookup): RequestMatch {
  if (match.path) refuseExpressions(targetTest(match.path), `${path}.path`, refusals, lookup);
  if (match.query) refuseExpressions(targetTest(match.query), `${path}.query`, refusals, lookup);
  const { client_ip, source_ip, vs_port, protocol, version, method, host_hdr, query, cookie } = match;
  return {
    ...(client_ip && { client_ip: addressTest(client_ip, `${path}.client_ip`, refusals) }),
    ...(source_ip && { source_ip: addressTest(source_ip, `${path}.source_ip`, refusals) }),
    ...(vs_port && { vs_port: set(vs_port.match_criteria, vs_port.ports) }),
    ...(protocol && {
      protocol: set(protocol.match_criteria, [
        protocol.protocols === 'HTTPS' ? ('https' as const) : ('http' as const),
      ]),
    }),
    ...(version && {
      version: set(
        version.match_criteria,
        (version.versions ?? []).map((v) => VERSIONS[v]),
      ),
    }),
    ...(method && {
      method: set(
        method.match_criteria,
        (method.methods ?? []).map((m) => m.replace('HTTP_METHOD_', '')),
      ),
    }),
    ...(host_hdr && { host: hostTest(host_hdr) }),
    ...(match.path && { path: targetTest(match.path) }),
    ...(query && { query: targetTest(query) }),
    headers: (match.hdrs ?? []).map(namedTest),
    ...(cookie && { cookie: cookieTest(cookie) }),
  };
}

/** Expressions that an SE would refuse; those in string groups are not checked when the group is written. */
function refuseExpressions(test: TargetTest, path: string, refusals: Refusals, lookup: Lookup): void {
  if (test.operator !== 'regex') return;
  const keys = test.string_group_uuids.flatMap((uuid) => {
    const group = follow(lookup, uuid, 'stringgroup')?.spec as FilledStringGroup | undefined;
    return (group?.kv ?? []).map((pair) => pair.key);
  });
  for (const pattern of [...test.values, ...keys])
    try {
      void new Regex(pattern, test.fold);
    } catch (err) {
      if (!(err instanceof RegexError)) throw err;
      refusals.missing(path, err.message);
    }
}

export function requestMatch(
  match: FilledMatchTarget | undefined,
  path: string,
  refusals: Refusals,
  lookup: Lookup,
): RequestMatch {
  for (const field of NOT_HONOURED) {
    const value = match?.[field];
    if (value !== undefined && !(Array.isArray(value) && value.length === 0))
      refusals.unhonoured(`${path}.${field}`, field);
  }
  return requested(match ?? {}, path, refusals, lookup);
}

export function responseMatch(
  match: FilledResponseMatchTarget | undefined,
  path: string,
  refusals: Refusals,
  lookup: Lookup,
): ResponseMatch {
  const { status, loc_hdr, rsp_hdrs } = match ?? {};
  return {
    request: requested(match ?? {}, path, refusals, lookup),
    ...(status && {
      status: {
        negated: isNegated(status.match_criteria),
        ranges: [
          ...(status.status_codes ?? []).map((code) => ({ begin: code, end: code })),
          ...(status.ranges ?? []).map(({ begin, end }) => ({ begin, end })),
        ],
      },
    }),
    ...(loc_hdr && { location: hostTest(loc_hdr) }),
    headers: (rsp_hdrs ?? []).map(namedTest),
  };
}
