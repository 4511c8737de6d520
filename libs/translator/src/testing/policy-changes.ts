import type { KindName } from '@spillway/model';

/** A change that a service engine must notice. */
export interface Change {
  /** The value that the field takes. */
  to: unknown;
  /** The object that has it, by number; 1 unless told. */
  of?: number;
  /** Another path to set, where the mark is of a whole message. */
  at?: string;
  /** What has to be so before, in the same object. */
  given?: Record<string, unknown>;
}

const v4 = (addr: string): object => ({ addr, type: 'V4' });
const rule = { name: 'rule', index: 1, enable: true };

/** Policies of the first virtual service, with everything that they refer to. */
export const POLICY_OBJECTS: readonly (readonly [uuid: string, spec: object])[] = [
  ['prioritylabels-1', { equivalent_labels: [{ labels: ['a'] }, { labels: ['b'] }] }],
  ['prioritylabels-2', { equivalent_labels: [{ labels: ['b'] }, { labels: ['7'] }] }],
  [
    'poolgroup-1',
    { members: [{ pool_ref: 'pool-1', priority_label: '7' }], priority_labels_ref: 'prioritylabels-1' },
  ],
  ['poolgroup-2', { members: [] }],
  [
    'httppolicyset-1',
    {
      http_security_policy: {
        rules: [{ ...rule, match: {}, action: { action: 'HTTP_SECURITY_ACTION_ALLOW' } }],
      },
      http_request_policy: {
        rules: [
          {
            ...rule,
            match: { path: { match_criteria: 'CONTAINS', string_group_refs: ['stringgroup-1'] } },
            hdr_action: [
              {
                action: 'HTTP_ADD_HDR',
                hdr: { name: 'X-A', value: { val: 'b' } },
                cookie: { name: 'c', value: 'd' },
              },
            ],
            switching_action: { action: 'HTTP_SWITCHING_SELECT_POOLGROUP', pool_group_ref: 'poolgroup-1' },
          },
        ],
      },
      http_response_policy: {
        rules: [
          {
            ...rule,
            match: { client_ip: { match_criteria: 'IS_IN', group_refs: ['ipaddrgroup-1'] } },
            hdr_action: [
              {
                action: 'HTTP_ADD_HDR',
                hdr: { name: 'X-A', value: { val: 'b' } },
                cookie: { name: 'c', value: 'd' },
              },
            ],
          },
        ],
      },
    },
  ],
  ['httppolicyset-2', {}],
  [
    'networksecuritypolicy-1',
    { rules: [{ ...rule, action: 'NETWORK_SECURITY_POLICY_ACTION_TYPE_ALLOW', match: {} }] },
  ],
  ['networksecuritypolicy-2', {}],
];

const tokens = (value: string): object => ({
  type: 'URI_PARAM_TYPE_TOKENIZED',
  tokens: [{ type: 'URI_TOKEN_TYPE_STRING', str_value: value }],
});
const text = { match_criteria: 'HDR_EQUALS', value: ['x'], match_case: 'SENSITIVE' };

/** A value for each criterion of a request. */
const MATCHES: Readonly<Record<string, unknown>> = {
  'client_ip.*': { match_criteria: 'IS_NOT_IN', addrs: [v4('192.0.2.9')] },
  'source_ip.*': { match_criteria: 'IS_IN', prefixes: [{ ip_addr: v4('192.0.2.9'), mask: 24 }] },
  'vs_port.*': { match_criteria: 'IS_IN', ports: [81] },
  'protocol.*': { match_criteria: 'IS_IN', protocols: 'HTTPS' },
  'version.*': { match_criteria: 'IS_IN', versions: ['TWO_ZERO'] },
  'method.*': { match_criteria: 'IS_NOT_IN', methods: ['HTTP_METHOD_PATCH'] },
  'host_hdr.*': text,
  'path.*': {
    match_criteria: 'REGEX_MATCH',
    match_str: ['^/x'],
    match_case: 'SENSITIVE',
    match_decoded_string: false,
  },
  'query.*': { match_criteria: 'QUERY_MATCH_ENDS_WITH', match_str: ['x'] },
  'hdrs[].*': [{ ...text, hdr: 'X-B' }],
  'cookie.*': { ...text, value: 'x', name: 'sid' },
  'status.*': { match_criteria: 'IS_IN', status_codes: [500] },
  'loc_hdr.*': text,
  'rsp_hdrs[].*': [{ ...text, hdr: 'Server' }],
};

const entries = (prefix: string, changes: Readonly<Record<string, Change>>): Record<string, Change> =>
  Object.fromEntries(
    Object.entries(changes).map(([path, { at, given = {}, ...rest }]) => [
      `${prefix}.${path}`,
      {
        ...rest,
        at: `${prefix}.${at ?? path.replace(/=.*$/, '').replace(/(\[\])?\.\*$/, '')}`,
        given: Object.fromEntries(Object.entries(given).map(([p, value]) => [`${prefix}.${p}`, value])),
      },
    ]),
  );

const matches = (...names: string[]): Record<string, Change> =>
  entries('match', Object.fromEntries(names.map((name) => [name, { to: MATCHES[name] }])));

const REQUEST = Object.keys(MATCHES).slice(0, 11);
const RULE: Record<string, Change> = { name: { to: 'another' }, index: { to: 7 }, enable: { to: false } };

const VARIABLES =
  'CLIENT_IP SOURCE_IP VS_IP VS_PORT HTTP_HDR REQUEST_ID SSL_PROTOCOL SSL_CIPHER SSL_SERVER_NAME SSL_CLIENT_FINGERPRINT SSL_CLIENT_SERIAL SSL_CLIENT_ISSUER SSL_CLIENT_SUBJECT SSL_CLIENT_RAW SSL_CLIENT_ESCAPED SSL_CLIENT_VERSION SSL_CLIENT_SIGALG SSL_CLIENT_NOTVALIDBEFORE SSL_CLIENT_NOTVALIDAFTER';
const HEADERS = entries('hdr_action[]', {
  action: { to: 'HTTP_REPLACE_HDR' },
  'hdr.name': { to: 'X-C' },
  'hdr.value.val': { to: 'another' },
  ...Object.fromEntries(
    VARIABLES.split(' ').map((name) => [
      `hdr.value.var=HTTP_POLICY_VAR_${name}`,
      { to: `HTTP_POLICY_VAR_${name}` },
    ]),
  ),
  'cookie.*': { to: { name: 'e', value: 'f' } },
});

const SEND = { 'action.action': 'HTTP_SECURITY_ACTION_SEND_RESPONSE' };
const RATE = {
  'action.action': 'HTTP_SECURITY_ACTION_RATE_LIMIT',
  'action.rate_profile': { rate_limiter: { count: 1, period: 1 }, action: {} },
};
const security = (name: string, given: Record<string, unknown> = {}): Record<string, Change> => ({
  [`action.action=HTTP_SECURITY_ACTION_${name}`]: { to: `HTTP_SECURITY_ACTION_${name}`, given },
});
const LOCAL = { 'switching_action.action': 'HTTP_SWITCHING_SELECT_LOCAL' };
const TO_POOL = {
  'switching_action.action': 'HTTP_SWITCHING_SELECT_POOL',
  'switching_action.pool_ref': 'pool-1',
};

export const POLICY_CHANGES: { readonly [K in KindName]?: Readonly<Record<string, Change>> } = {
  httppolicyset: {
    ...entries('http_security_policy.rules[]', {
      ...RULE,
      ...matches(...REQUEST),
      ...security('ALLOW', { 'action.action': 'HTTP_SECURITY_ACTION_CLOSE_CONN' }),
      ...security('CLOSE_CONN'),
      ...security('SEND_RESPONSE'),
      ...security('REDIRECT_TO_HTTPS'),
      ...security('RATE_LIMIT', { 'action.rate_profile': RATE['action.rate_profile'] }),
      'action.status_code': { to: 'HTTP_LOCAL_RESPONSE_STATUS_CODE_404', given: SEND },
      'action.file.content_type': {
        to: 'text/css',
        given: { ...SEND, 'action.file': { content_type: 'text/html', file_content: 'a' } },
      },
      'action.file.file_content': {
        to: 'b',
        given: { ...SEND, 'action.file': { content_type: 'text/html', file_content: 'a' } },
      },
      'action.https_port': {
        to: 8443,
        given: { 'action.action': 'HTTP_SECURITY_ACTION_REDIRECT_TO_HTTPS' },
      },
      'action.rate_profile.per_client_ip': { to: true, given: RATE },
      'action.rate_profile.per_uri_path': { to: true, given: RATE },
      'action.rate_profile.rate_limiter.count': { to: 7, given: RATE },
      'action.rate_profile.rate_limiter.period': { to: 7, given: RATE },
      'action.rate_profile.rate_limiter.burst_sz': { to: 7, given: RATE },
      'action.rate_profile.action.*': { to: { type: 'RL_ACTION_LOCAL_RSP' }, given: RATE },
    }),
    ...entries('http_request_policy.rules[]', {
      ...RULE,
      ...matches(...REQUEST),
      ...HEADERS,
      'redirect_action.*': { to: { protocol: 'HTTPS', host: tokens('a.example') } },
      'rewrite_url_action.*': { to: { path: tokens('/x') } },
      'hash_string_action.*': { to: { tokens: [{ type: 'URI_TOKEN_TYPE_COOKIE', name: 'sid' }] } },
      'switching_action.action': { to: 'HTTP_SWITCHING_SELECT_LOCAL' },
      'switching_action.pool_ref': { to: 'pool-2', given: TO_POOL },
      'switching_action.pool_group_ref': { to: 'poolgroup-2' },
      'switching_action.server.ip.*': { to: v4('10.0.0.1'), given: TO_POOL },
      'switching_action.server.port': {
        to: 81,
        given: { ...TO_POOL, 'switching_action.server': { ip: v4('10.0.0.1') } },
      },
      'switching_action.status_code': { to: 'HTTP_LOCAL_RESPONSE_STATUS_CODE_404', given: LOCAL },
      'switching_action.other_status_code': { to: 410, given: LOCAL },
      'switching_action.file.content_type': {
        to: 'text/css',
        given: { ...LOCAL, 'switching_action.file': { content_type: 'text/html', file_content: 'a' } },
      },
      'switching_action.file.file_content': {
        to: 'b',
        given: { ...LOCAL, 'switching_action.file': { content_type: 'text/html', file_content: 'a' } },
      },
    }),
    ...entries('http_response_policy.rules[]', {
      ...RULE,
      ...matches(...Object.keys(MATCHES)),
      ...HEADERS,
      'loc_hdr_action.*': { to: { protocol: 'HTTPS' } },
    }),
  },
  networksecuritypolicy: entries('rules[]', {
    ...RULE,
    action: { to: 'NETWORK_SECURITY_POLICY_ACTION_TYPE_DENY' },
    'match.client_ip.*': { to: { match_criteria: 'IS_IN', group_refs: ['ipaddrgroup-1'] } },
    'match.client_port.*': { to: { match_criteria: 'IS_IN', ports: [7] } },
    'match.vs_port.*': { to: { match_criteria: 'IS_IN', ports: [81] } },
    'rl_param.*': {
      to: { max_rate: 5, burst_size: 6 },
      given: {
        action: 'NETWORK_SECURITY_POLICY_ACTION_TYPE_RATE_LIMIT',
        rl_param: { max_rate: 5, burst_size: 5 },
      },
    },
  }),
  stringgroup: {
    'kv[].*': { to: [{ key: 'text/css' }], at: 'kv' },
    type: {
      to: 'SG_TYPE_KEYVAL',
      given: { kv: [{ key: 'a', value: 'b' }], type: 'SG_TYPE_STRING' },
    },
    longest_match: { to: true },
  },
  ipaddrgroup: {
    'addrs[].*': { to: [v4('10.0.1.2')], at: 'addrs' },
    'ip_ports[].*': { to: [{ ip: v4('10.0.1.2'), port: 8080 }], at: 'ip_ports' },
    'ranges[].*': { to: [{ begin: v4('10.0.1.2'), end: v4('10.0.1.3') }], at: 'ranges' },
    'prefixes[].*': { to: [{ ip_addr: v4('10.0.1.2'), mask: 24 }], at: 'prefixes' },
  },
  poolgroup: {
    'members[].pool_ref': { to: 'pool-2' },
    'members[].priority_label': { to: 'a' },
    'members[].ratio': { to: 7 },
    'members[].deployment_state': { to: 'OUT_OF_SERVICE' },
    priority_labels_ref: { to: 'prioritylabels-2' },
    implicit_priority_labels: { to: true },
    min_servers: { to: 3 },
    deactivate_primary_pool_on_down: { to: true },
  },
  prioritylabels: {
    'equivalent_labels[].*': { to: [{ labels: ['7'] }], at: 'equivalent_labels' },
  },
};

/** Of virtual services. */
export const POLICY_REFERENCES: Readonly<Record<string, Change>> = {
  'http_policies[].*': { to: [{ index: 1, http_policy_set_ref: 'httppolicyset-2' }], at: 'http_policies' },
  network_security_policy_ref: { to: 'networksecuritypolicy-2' },
  pool_group_ref: { to: 'poolgroup-2', given: { pool_ref: undefined } },
};
