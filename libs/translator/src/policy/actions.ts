import type {
  FilledHTTPHashStringAction,
  FilledHTTPHdrAction,
  FilledHTTPRedirectAction,
  FilledHTTPRewriteLocHdrAction,
  FilledHTTPRewriteURLAction,
  FilledHTTPSecurityAction,
  FilledHTTPSecurityActionRateProfile,
  FilledHTTPSwitchingAction,
  FilledURIParam,
  FilledURIParamToken,
} from '@spillway/model';
import type {
  HashToken,
  HeaderAction,
  HeaderValue,
  LocationRewrite,
  RateLimitAction,
  Redirect,
  Rewrite,
  SecurityAction,
  Switching,
  Token,
} from '@spillway/snapshot';
import { ipAddress } from '../address.js';
import { localResponse } from '../local-file.js';
import { refUuid } from '../read.js';
import type { Refusals } from './refusals.js';

const TOKENS = {
  URI_TOKEN_TYPE_HOST: 'host',
  URI_TOKEN_TYPE_PATH: 'path',
  URI_TOKEN_TYPE_REGEX: 'path_capture',
  URI_TOKEN_TYPE_REGEX_QUERY: 'query_capture',
} as const;

/** A token without an end is one part, as its start says. */
const tokens = (param: FilledURIParam): Token[] => (param.tokens ?? []).map(tokenOf);

function tokenOf(token: FilledURIParamToken): Token {
  if (token.type === 'URI_TOKEN_TYPE_STRING') return { type: 'string', value: token.str_value ?? '' };
  if (token.type === 'URI_TOKEN_TYPE_STRING_GROUP') return { type: 'string_group' };
  const start = token.start_index ?? 0;
  return { type: TOKENS[token.type], start, end: token.end_index ?? start };
}

const NAMED = {
  URI_TOKEN_TYPE_HEADER: 'header',
  URI_TOKEN_TYPE_COOKIE: 'cookie',
  URI_TOKEN_TYPE_QUERY: 'parameter',
} as const;

export const hashStringOf = (action: FilledHTTPHashStringAction): HashToken[] =>
  (action.tokens ?? []).map((token): HashToken => {
    const { type } = token;
    switch (type) {
      case 'URI_TOKEN_TYPE_CLIENT_IP':
        return { type: 'client_ip' };
      case 'URI_TOKEN_TYPE_HEADER':
      case 'URI_TOKEN_TYPE_COOKIE':
      case 'URI_TOKEN_TYPE_QUERY':
        return { type: NAMED[type], name: token.name ?? '' };
      case 'URI_TOKEN_TYPE_HOST':
      case 'URI_TOKEN_TYPE_PATH':
      case 'URI_TOKEN_TYPE_STRING':
      case 'URI_TOKEN_TYPE_STRING_GROUP':
      case 'URI_TOKEN_TYPE_REGEX':
      case 'URI_TOKEN_TYPE_REGEX_QUERY':
      default:
        return tokenOf({ ...token, type });
    }
  });

const lower = (protocol: 'HTTP' | 'HTTPS'): 'http' | 'https' => (protocol === 'HTTPS' ? 'https' : 'http');

function location(action: FilledHTTPRedirectAction | FilledHTTPRewriteLocHdrAction): LocationRewrite {
  const { host, path, port } = action;
  return {
    protocol: lower(action.protocol),
    ...(host && { host: tokens(host) }),
    ...(path && { path: tokens(path) }),
    ...(port !== undefined && { port }),
    keep_query: action.keep_query,
  };
}

const codeOf = (name: string): number => Number(name.slice(-3));

export const redirectOf = (action: FilledHTTPRedirectAction): Redirect => ({
  ...location(action),
  ...(action.add_string !== undefined && { add_query: action.add_string }),
  status: codeOf(action.status_code) as Redirect['status'],
});

export const locationRewriteOf = (action: FilledHTTPRewriteLocHdrAction): LocationRewrite => location(action);

export function rewriteOf({ host_hdr, path, query }: FilledHTTPRewriteURLAction): Rewrite {
  return {
    ...(host_hdr && { host: tokens(host_hdr) }),
    ...(path && { path: tokens(path) }),
    ...(query && {
      query: {
        keep_query: query.keep_query,
        ...(query.add_string !== undefined && { add_query: query.add_string }),
      },
    }),
  };
}

const SUCCESS = 200;

export function switchingOf(action: FilledHTTPSwitchingAction, path: string, refusals: Refusals): Switching {
  const { status_code, other_status_code, file, server } = action;
  if (action.action === 'HTTP_SWITCHING_SELECT_LOCAL') {
    const status = status_code === undefined ? (other_status_code ?? SUCCESS) : codeOf(status_code);
    return { to: 'local', response: localResponse(status, file) };
  }
  if (action.action === 'HTTP_SWITCHING_SELECT_POOLGROUP')
    return {
      to: 'pool_group',
      pool_group_uuid: required(action.pool_group_ref, `${path}.pool_group_ref`, refusals),
    };
  const pool_uuid = required(action.pool_ref, `${path}.pool_ref`, refusals);
  if (server === undefined) return { to: 'pool', pool_uuid };
  const port = server.port === undefined ? {} : { port: server.port };
  if (server.ip.type === 'DNS')
    return { to: 'pool', pool_uuid, server: { name: server.ip.addr.toLowerCase(), ...port } };
  const address = ipAddress(server.ip.addr);
  if (address === undefined) {
    refusals.missing(`${path}.server.ip`, `${server.ip.addr} is not an IP address`);
    return { to: 'pool', pool_uuid };
  }
  return {
    to: 'pool',
    pool_uuid,
    server: { address, ...port },
  };
}

function required(ref: string | undefined, path: string, refusals: Refusals): string {
  const uuid = refUuid(ref);
  if (uuid === undefined) refusals.missing(path, 'the action needs it');
  return uuid ?? '';
}

type Variable = Extract<HeaderValue, { type: 'variable' }>['variable'];

const VARIABLES: Readonly<Record<string, Variable>> = {
  CLIENT_IP: 'client_ip',
  SOURCE_IP: 'source_ip',
  VS_PORT: 'vs_port',
  VS_IP: 'vs_ip',
  REQUEST_ID: 'request_id',
  SSL_PROTOCOL: 'ssl_protocol',
  SSL_CIPHER: 'ssl_cipher',
  SSL_SERVER_NAME: 'ssl_server_name',
  SSL_CLIENT_FINGERPRINT: 'ssl_client_fingerprint',
  SSL_CLIENT_SERIAL: 'ssl_client_serial',
  SSL_CLIENT_ISSUER: 'ssl_client_issuer',
  SSL_CLIENT_SUBJECT: 'ssl_client_subject',
  SSL_CLIENT_RAW: 'ssl_client_raw',
  SSL_CLIENT_ESCAPED: 'ssl_client_escaped',
  SSL_CLIENT_VERSION: 'ssl_client_version',
  SSL_CLIENT_SIGALG: 'ssl_client_sigalg',
  SSL_CLIENT_NOTVALIDBEFORE: 'ssl_client_notvalidbefore',
  SSL_CLIENT_NOTVALIDAFTER: 'ssl_client_notvalidafter',
};

const ACTIONS = { HTTP_ADD_HDR: 'add', HTTP_REPLACE_HDR: 'replace', HTTP_REMOVE_HDR: 'remove' } as const;

export function headerActions(
  actions: readonly FilledHTTPHdrAction[] | undefined,
  path: string,
  refusals: Refusals,
): HeaderAction[] {
  return (actions ?? []).flatMap(({ action, hdr, cookie }, i): HeaderAction[] => {
    const at = `${path}[${i}]`;
    const kind = ACTIONS[action];
    const found: HeaderAction[] = [];
    if (cookie?.name !== undefined)
      found.push({
        target: 'cookie',
        action: kind,
        name: cookie.name,
        ...(cookie.value !== undefined && { value: cookie.value }),
      });
    if (hdr?.name !== undefined) {
      const value = headerValue(hdr.value, `${at}.hdr.value`, refusals);
      found.push({ target: 'header', action: kind, name: hdr.name, ...(value && { value }) });
    }
    return found;
  });
}

function headerValue(
  value: { val?: string; var?: string } | undefined,
  path: string,
  refusals: Refusals,
): HeaderValue | undefined {
  if (value?.var === undefined)
    return value?.val === undefined ? undefined : { type: 'string', value: value.val };
  const name = value.var.replace('HTTP_POLICY_VAR_', '');
  if (name === 'HTTP_HDR') return { type: 'header', name: value.val ?? '' };
  const variable = VARIABLES[name];
  if (variable !== undefined) return { type: 'variable', variable };
  refusals.unhonoured(`${path}.var`, value.var);
  return undefined;
}

const TOO_MANY = 429;
const FORBIDDEN = 403;

export function securityAction(
  action: FilledHTTPSecurityAction | undefined,
  path: string,
  refusals: Refusals,
): SecurityAction {
  switch (action?.action) {
    case 'HTTP_SECURITY_ACTION_ALLOW':
      return { type: 'allow' };
    case 'HTTP_SECURITY_ACTION_CLOSE_CONN':
      return { type: 'close' };
    case 'HTTP_SECURITY_ACTION_SEND_RESPONSE': {
      const status = action.status_code === undefined ? FORBIDDEN : codeOf(action.status_code);
      return { type: 'respond', response: localResponse(status, action.file) };
    }
    case 'HTTP_SECURITY_ACTION_REDIRECT_TO_HTTPS':
      return { type: 'redirect_to_https', port: action.https_port ?? 443 };
    case 'HTTP_SECURITY_ACTION_RATE_LIMIT':
      if (action.rate_profile !== undefined) return rateLimit(action.rate_profile);
      refusals.missing(`${path}.rate_profile`, 'the action needs it');
      return { type: 'allow' };
    case 'HTTP_SECURITY_ACTION_REQUEST_CHECK_ICAP':
    case undefined:
    default:
      refusals.unhonoured(`${path}.action`, action?.action ?? 'a rule without an action');
      return { type: 'allow' };
  }
}

function rateLimit(profile: FilledHTTPSecurityActionRateProfile): SecurityAction {
  const { rate_limiter: limiter, per_client_ip = false, per_uri_path = false } = profile;
  return {
    type: 'rate_limit',
    count: limiter.count,
    period: limiter.period,
    burst: limiter.burst_sz,
    per_client_ip,
    per_uri_path,
    exceeded: exceeded(profile.action),
  };
}

function exceeded(action: FilledHTTPSecurityActionRateProfile['action']): RateLimitAction {
  switch (action.type) {
    case 'RL_ACTION_NONE':
      return { type: 'none' };
    // A request has a connection already: to drop it is to reset it without a word.
    case 'RL_ACTION_DROP_CONN':
    case 'RL_ACTION_RESET_CONN':
      return { type: 'reset' };
    case 'RL_ACTION_CLOSE_CONN':
      return { type: 'close' };
    case 'RL_ACTION_REDIRECT':
      if (action.redirect !== undefined) return { type: 'redirect', redirect: redirectOf(action.redirect) };
      return { type: 'respond', response: localResponse(TOO_MANY, action.file) };
    case 'RL_ACTION_LOCAL_RSP':
    default:
      return { type: 'respond', response: localResponse(codeOf(action.status_code), action.file) };
  }
}
