import type { KindName } from '../generated/types.js';
import type { Mark } from './marks.js';

/** Changes what a service engine is sent about TLS, field by field. */
const TRANSLATED = 'libs/translator/src/tls/honoured.spec.ts';
const STAPLING = 'test/src/tls/tls.test.ts';
const CERTIFICATE_API = 'apps/controller/src/rest/kinds/sslkeyandcertificate.spec.ts';

/** What acts of TLS, per kind; added to the marks of kinds.ts. */
export const HONOURED_OF_TLS: Partial<Record<KindName, readonly Mark[]>> = {
  virtualservice: [
    {
      proof: TRANSLATED,
      paths: ['services[].enable_ssl', 'ssl_key_and_certificate_refs', 'ssl_profile_ref'],
    },
  ],
  applicationprofile: [
    {
      proof: TRANSLATED,
      paths: [
        'http_profile.ssl_client_certificate_mode',
        'http_profile.pki_profile_ref',
        'http_profile.reset_conn_http_on_ssl_port',
      ],
    },
  ],
  sslprofile: [
    {
      proof: TRANSLATED,
      paths: [
        'accepted_versions[].type=SSL_VERSION_TLS1',
        'accepted_versions[].type=SSL_VERSION_TLS1_1',
        'accepted_versions[].type=SSL_VERSION_TLS1_2',
        'accepted_versions[].type=SSL_VERSION_TLS1_3',
        'accepted_ciphers',
        'cipher_enums',
        'ciphersuites',
        'ec_named_curve',
        'signature_algorithm',
        'prefer_client_cipher_ordering',
        'send_close_notify',
        'enable_ssl_session_reuse',
        'ssl_session_timeout',
      ],
    },
  ],
  sslkeyandcertificate: [
    { proof: TRANSLATED, paths: ['certificate.certificate', 'key', 'key_passphrase', 'ca_certs[].ca_ref'] },
    { proof: STAPLING, paths: ['enable_ocsp_stapling'] },
    { proof: CERTIFICATE_API, paths: ['certificate_base64', 'key_base64'] },
  ],
  pkiprofile: [
    {
      proof: TRANSLATED,
      paths: ['ca_certs[].certificate', 'crl_check', 'crls[].body', 'validate_only_leaf_crl'],
    },
  ],
  pool: [
    {
      proof: TRANSLATED,
      paths: [
        'ssl_profile_ref',
        'sni_enabled',
        'server_name',
        'pki_profile_ref',
        'host_check_enabled',
        'domain_name',
        'ssl_key_and_certificate_ref',
      ],
    },
  ],
  healthmonitor: [
    {
      proof: TRANSLATED,
      paths: ['ssl_profile_ref', 'pki_profile_ref', 'ssl_key_and_certificate_ref', 'server_name'].map(
        (field) => `https_monitor.ssl_attributes.${field}`,
      ),
    },
  ],
};
