import type { KindName } from '../generated/types.js';
import { FAIL_ACTION } from './fail-action.js';
import type { Mark } from './marks.js';

/** Changes what a service engine is sent, field by field. */
const TRANSLATED = 'libs/translator/src/honoured.spec.ts';

const under = (prefix: string, ...fields: string[]): string[] => fields.map((field) => `${prefix}.${field}`);

const REQUEST_MATCH = [
  'client_ip.*',
  'source_ip.*',
  'vs_port.*',
  'protocol.*',
  'version.*',
  'method.*',
  'host_hdr.*',
  'path.*',
  'query.*',
  'hdrs[].*',
  'cookie.*',
];
const RULE = ['name', 'index', 'enable'];

/** What a header can be set to beside a text and the value of another header. */
const VARIABLES = [
  'CLIENT_IP',
  'SOURCE_IP',
  'VS_IP',
  'VS_PORT',
  'HTTP_HDR',
  'REQUEST_ID',
  'SSL_PROTOCOL',
  'SSL_CIPHER',
  'SSL_SERVER_NAME',
  'SSL_CLIENT_FINGERPRINT',
  'SSL_CLIENT_SERIAL',
  'SSL_CLIENT_ISSUER',
  'SSL_CLIENT_SUBJECT',
  'SSL_CLIENT_RAW',
  'SSL_CLIENT_ESCAPED',
  'SSL_CLIENT_VERSION',
  'SSL_CLIENT_SIGALG',
  'SSL_CLIENT_NOTVALIDBEFORE',
  'SSL_CLIENT_NOTVALIDAFTER',
];
const HEADER_ACTIONS = under(
  'hdr_action[]',
  'action',
  'hdr.name',
  'hdr.value.val',
  ...VARIABLES.map((name) => `hdr.value.var=HTTP_POLICY_VAR_${name}`),
  'cookie.*',
);
const SECURITY_ACTIONS = ['ALLOW', 'CLOSE_CONN', 'SEND_RESPONSE', 'REDIRECT_TO_HTTPS', 'RATE_LIMIT'];

export const HONOURED_POLICIES: Partial<Record<KindName, readonly Mark[]>> = {
  httppolicyset: [
    {
      proof: TRANSLATED,
      paths: [
        ...under(
          'http_security_policy.rules[]',
          ...RULE,
          ...under('match', ...REQUEST_MATCH),
          ...SECURITY_ACTIONS.map((name) => `action.action=HTTP_SECURITY_ACTION_${name}`),
          'action.status_code',
          'action.file.content_type',
          'action.file.file_content',
          'action.https_port',
          ...under(
            'action.rate_profile',
            'per_client_ip',
            'per_uri_path',
            'rate_limiter.count',
            'rate_limiter.period',
            'rate_limiter.burst_sz',
            'action.*',
          ),
        ),
        ...under(
          'http_request_policy.rules[]',
          ...RULE,
          ...under('match', ...REQUEST_MATCH),
          ...HEADER_ACTIONS,
          'redirect_action.*',
          'rewrite_url_action.*',
          'hash_string_action.*',
          ...under(
            'switching_action',
            'action',
            'pool_ref',
            'pool_group_ref',
            'server.ip.*',
            'server.port',
            'status_code',
            'other_status_code',
            'file.content_type',
            'file.file_content',
          ),
        ),
        ...under(
          'http_response_policy.rules[]',
          ...RULE,
          ...under('match', ...REQUEST_MATCH, 'status.*', 'loc_hdr.*', 'rsp_hdrs[].*'),
          ...HEADER_ACTIONS,
          'loc_hdr_action.*',
        ),
      ],
    },
  ],
  networksecuritypolicy: [
    {
      proof: TRANSLATED,
      paths: under(
        'rules[]',
        ...RULE,
        'action',
        'match.client_ip.*',
        'match.client_port.*',
        'match.vs_port.*',
        'rl_param.*',
      ),
    },
  ],
  stringgroup: [{ proof: TRANSLATED, paths: ['kv[].*', 'type', 'longest_match'] }],
  ipaddrgroup: [{ proof: TRANSLATED, paths: ['addrs[].*', 'ip_ports[].*', 'ranges[].*', 'prefixes[].*'] }],
  poolgroup: [
    {
      proof: TRANSLATED,
      paths: [
        'members[].pool_ref',
        'members[].priority_label',
        'members[].ratio',
        'members[].deployment_state',
        'priority_labels_ref',
        'implicit_priority_labels',
        'min_servers',
        'deactivate_primary_pool_on_down',
        ...FAIL_ACTION,
      ],
    },
  ],
  prioritylabels: [{ proof: TRANSLATED, paths: ['equivalent_labels[].*'] }],
};
