import type {
  FilledApplicationProfile,
  FilledHTTPApplicationProfile,
  FilledPerformanceLimits,
  FilledRateLimiterAction,
  FilledRateProfile,
  FilledVirtualService,
} from '@spillway/model';
import type {
  LocalResponse,
  RateLimitAction,
  Redirect,
  ServiceLimits,
  ServiceRate,
} from '@spillway/snapshot';
import { localResponse } from './local-file.js';
import { filledMessage, follow } from './read.js';
import { type Lookup, type Problem, warning } from './types.js';

type Key = Partial<Pick<ServiceRate, 'per_client' | 'per_path' | 'per_header'>>;

/** What connections and requests of a virtual service are held to; undefined when that is nothing. */
export function limitsOf(
  vs: FilledVirtualService,
  lookup: Lookup,
  problems: Problem[],
): ServiceLimits | undefined {
  const performance = filledMessage<FilledPerformanceLimits>('PerformanceLimits', vs.performance_limits);
  const most = performance.max_concurrent_connections ?? 0;
  const rates = [...ownRates(vs, problems), ...profileRates(vs, lookup, problems)];
  if (most <= 0 && rates.length === 0) return undefined;
  return { ...(most > 0 ? { max_connections: most } : {}), rates };
}

/** Those that the virtual service holds itself. */
function ownRates(vs: FilledVirtualService, problems: Problem[]): ServiceRate[] {
  const rates = [
    rate('connections_rate_limit', 'connections', vs.connections_rate_limit, {}, problems),
    rate('requests_rate_limit', 'requests', vs.requests_rate_limit, {}, problems),
  ];
  if (vs.max_cps_per_client > 0)
    rates.push({
      name: 'max_cps_per_client',
      of: 'connections',
      per_client: true,
      per_path: false,
      count: vs.max_cps_per_client,
      period: 1,
      burst: 0,
      exceeded: { type: 'reset' },
    });
  return rates.filter((r) => r !== undefined);
}

/** Rates of the application profile that are kept, by what tells those apart who are counted. */
const PROFILE: readonly (readonly [field: ProfileField, of: ServiceRate['of'], key: Key])[] = [
  ['client_ip_connections_rate_limit', 'connections', { per_client: true }],
  ['client_ip_requests_rate_limit', 'requests', { per_client: true }],
  ['uri_requests_rate_limit', 'requests', { per_path: true }],
  ['client_ip_to_uri_requests_rate_limit', 'requests', { per_client: true, per_path: true }],
];
type ProfileField =
  | 'client_ip_connections_rate_limit'
  | 'client_ip_requests_rate_limit'
  | 'uri_requests_rate_limit'
  | 'client_ip_to_uri_requests_rate_limit';

function profileRates(vs: FilledVirtualService, lookup: Lookup, problems: Problem[]): ServiceRate[] {
  const profile = follow(lookup, vs.application_profile_ref, 'applicationprofile');
  const spec = profile?.spec as FilledApplicationProfile | undefined;
  const given = spec?.dos_rl_profile?.rl_profile;
  const simple = simpleRates(spec?.http_profile);
  if (given === undefined) return simple;
  const path = 'dos_rl_profile.rl_profile';
  const rates = PROFILE.map(([field, of, key]) => rate(`${path}.${field}`, of, given[field], key, problems));
  const byHeader = (given.http_header_rate_limits ?? []).map((r, i) =>
    r.http_header === undefined || r.http_header === ''
      ? undefined
      : rate(`${path}.http_header_rate_limits[${i}]`, 'requests', r, { per_header: r.http_header }, problems),
  );
  return [...simple, ...rates, ...byHeader].filter((r) => r !== undefined);
}

/** Requests per second of the HTTP profile, by what they count apart. */
const PER_SECOND = [
  ['max_rps_cip', { per_client: true, per_path: false }],
  ['max_rps_uri', { per_client: false, per_path: true }],
  ['max_rps_cip_uri', { per_client: true, per_path: true }],
] as const satisfies readonly (readonly [keyof FilledHTTPApplicationProfile, Key])[];

function simpleRates(http: FilledHTTPApplicationProfile | undefined): ServiceRate[] {
  if (http === undefined) return [];
  return PER_SECOND.filter(([field]) => http[field] > 0).map(([field, key]) => ({
    name: `http_profile.${field}`,
    of: 'requests',
    ...key,
    count: http[field],
    period: 1,
    burst: 0,
    exceeded: {
      type: 'respond',
      response: { status: 429, content_type: 'text/plain; charset=utf-8', body: '429 too many requests\n' },
    },
  }));
}

/** A rate that has no action counts for nothing. */
function rate(
  path: string,
  of: ServiceRate['of'],
  profile: FilledRateProfile | undefined,
  key: Key,
  problems: Problem[],
): ServiceRate | undefined {
  const limiter = profile?.rate_limiter;
  if (profile === undefined || limiter === undefined) return undefined;
  const exceeded = actionOf(path, of, profile, problems);
  if (exceeded.type === 'none') return undefined;
  return {
    name: path,
    of,
    per_client: false,
    per_path: false,
    ...key,
    count: limiter.count,
    period: limiter.period,
    burst: limiter.burst_sz,
    exceeded,
  };
}

function actionOf(
  path: string,
  of: ServiceRate['of'],
  profile: FilledRateProfile,
  problems: Problem[],
): RateLimitAction {
  const action = filledMessage<FilledRateLimiterAction>('RateLimiterAction', profile.action);
  switch (action.type) {
    case 'RL_ACTION_NONE':
      return { type: 'none' };
    case 'RL_ACTION_CLOSE_CONN':
      return { type: 'close' };
    // The handshake is over when it is seen: what is not answered would only hold a place.
    case 'RL_ACTION_DROP_CONN':
    case 'RL_ACTION_RESET_CONN':
      return { type: 'reset' };
    case 'RL_ACTION_LOCAL_RSP':
    case 'RL_ACTION_REDIRECT':
    default:
      break;
  }
  if (of === 'connections') {
    problems.push(
      warning(
        'RATE_ACTION_NOT_HONOURED',
        `${path}.action.type`,
        `${action.type} is for requests: connections over the rate are closed`,
      ),
    );
    return { type: 'close' };
  }
  if (action.type === 'RL_ACTION_LOCAL_RSP') return { type: 'respond', response: responseOf(action) };
  const redirect = redirectOf(action);
  if (redirect !== undefined) return { type: 'redirect', redirect };
  problems.push(
    warning(
      'RATE_ACTION_NOT_HONOURED',
      `${path}.action.redirect`,
      'the redirect is missing, or has tokens that are not plain strings: requests over the rate get a 429',
    ),
  );
  return { type: 'respond', response: { status: 429 } };
}

const responseOf = ({ status_code, file }: FilledRateLimiterAction): LocalResponse =>
  localResponse(Number(status_code.slice(-3)), file);

/** Undefined for what cannot be put together without asking what a request matched. */
function redirectOf({ redirect }: FilledRateLimiterAction): Redirect | undefined {
  if (redirect === undefined) return undefined;
  const host = literal(redirect.host);
  const path = literal(redirect.path);
  if (host === null || path === null) return undefined;
  return {
    protocol: redirect.protocol === 'HTTPS' ? 'https' : 'http',
    ...(host === undefined ? {} : { host }),
    ...(path === undefined ? {} : { path }),
    ...(redirect.port === undefined ? {} : { port: redirect.port }),
    keep_query: redirect.keep_query,
    ...(redirect.add_string === undefined ? {} : { add_query: redirect.add_string }),
    status: Number(redirect.status_code.slice(-3)) as Redirect['status'],
  };
}

interface Param {
  readonly tokens?: readonly { readonly type: string; readonly str_value?: string }[];
}

/** Null when a token is not a plain string. */
function literal(param: Param | undefined): { type: 'string'; value: string }[] | undefined | null {
  if (param?.tokens === undefined || param.tokens.length === 0) return undefined;
  if (param.tokens.some((t) => t.type !== 'URI_TOKEN_TYPE_STRING')) return null;
  return param.tokens.map((t) => ({ type: 'string', value: t.str_value ?? '' }));
}
