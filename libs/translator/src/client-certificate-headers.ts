import type { FilledSSLClientRequestHeader } from '@spillway/model';
import { type HttpProfile, isSettableField } from '@spillway/snapshot';
import { type Problem, warning } from './types.js';

type Headers = NonNullable<HttpProfile['client_certificate_headers']>;

/** What a header can hold; the rest of the published list needs what is not there yet (users, other headers). */
const VALUES: Readonly<Record<string, Headers[number]['value']>> = {
  HTTP_POLICY_VAR_CLIENT_IP: 'client_ip',
  HTTP_POLICY_VAR_SOURCE_IP: 'source_ip',
  HTTP_POLICY_VAR_VS_PORT: 'vs_port',
  HTTP_POLICY_VAR_VS_IP: 'vs_ip',
  HTTP_POLICY_VAR_SSL_CLIENT_FINGERPRINT: 'fingerprint',
  HTTP_POLICY_VAR_SSL_CLIENT_SERIAL: 'serial',
  HTTP_POLICY_VAR_SSL_CLIENT_ISSUER: 'issuer',
  HTTP_POLICY_VAR_SSL_CLIENT_SUBJECT: 'subject',
  HTTP_POLICY_VAR_SSL_CLIENT_RAW: 'raw',
  HTTP_POLICY_VAR_SSL_CLIENT_ESCAPED: 'escaped',
  HTTP_POLICY_VAR_SSL_PROTOCOL: 'protocol',
  HTTP_POLICY_VAR_SSL_SERVER_NAME: 'server_name',
  HTTP_POLICY_VAR_SSL_CIPHER: 'cipher',
  HTTP_POLICY_VAR_REQUEST_ID: 'request_id',
  HTTP_POLICY_VAR_SSL_CLIENT_VERSION: 'certificate_version',
  HTTP_POLICY_VAR_SSL_CLIENT_SIGALG: 'signature_algorithm',
  HTTP_POLICY_VAR_SSL_CLIENT_NOTVALIDBEFORE: 'not_before',
  HTTP_POLICY_VAR_SSL_CLIENT_NOTVALIDAFTER: 'not_after',
};

/** Headers that tell the server about the client's certificate; one that cannot be set is left out with a warning. */
export function clientCertificateHeaders(
  listed: readonly FilledSSLClientRequestHeader[],
  problems: Problem[],
): Headers {
  const headers: Headers = [];
  for (const [i, { request_header: header = '', request_header_value: wanted = '' }] of listed.entries()) {
    const value = VALUES[wanted];
    if (value !== undefined && isSettableField(header)) {
      headers.push({ header, value });
      continue;
    }
    const reason =
      value === undefined
        ? `${wanted === '' ? 'no value' : wanted} cannot be put into a header yet`
        : `${JSON.stringify(header)} is not a header that may be set`;
    problems.push(
      warning(
        'PROFILE_PART_UNUSABLE',
        `application_profile_ref.http_profile.ssl_client_certificate_action.headers[${i}]`,
        `${reason}; requests go without it`,
      ),
    );
  }
  return headers.slice(0, 64);
}
