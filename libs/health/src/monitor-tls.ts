import type { Certificate, ClientTls, MonitorTls, Pool, TlsProfile } from '@spillway/snapshot';

/** Without a profile of the monitor or the pool: what servers of today and yesterday speak. */
const ANY_PROFILE: TlsProfile = {
  versions: ['TLSv1.2', 'TLSv1.3'],
  ciphers: '',
  ciphersuites: '',
  groups: '',
  signature_algorithms: '',
  prefer_client_cipher_ordering: false,
  send_close_notify: true,
  session_reuse: false,
  session_timeout: 0,
};

/**
 * TLS of a check: what the monitor says of itself, else what the pool says of its servers ("Service Engine Client
 * Certificate … or when executing a health monitor", pools document), so that checks and traffic come to the same
 * verdict. Each check makes a full handshake: a session that is resumed would show no certificate.
 */
export function checkTls(own: MonitorTls, pool: Pool['tls']): ClientTls {
  const validation =
    own.validation === undefined
      ? pool?.validation
      : {
          ...own.validation,
          host_check: pool?.validation?.host_check ?? false,
          domain_names: pool?.validation?.domain_names ?? [],
        };
  const certificate = own.certificate_uuid ?? pool?.certificate_uuid;
  const name = own.server_name ?? pool?.server_name;
  return {
    profile: { ...(own.profile ?? pool?.profile ?? ANY_PROFILE), session_reuse: false },
    sni_enabled: own.server_name !== undefined || pool?.sni_enabled !== false,
    ...(name === undefined ? {} : { server_name: name }),
    ...(certificate === undefined ? {} : { certificate_uuid: certificate }),
    ...(validation === undefined ? {} : { validation }),
  };
}

/** The certificate that a check shows; null when it shows none. */
export const certificateFor = (
  tls: ClientTls,
  certificates: readonly Certificate[] | undefined,
): Certificate | null => certificates?.find((c) => c.uuid === tls.certificate_uuid) ?? null;
