import type { FilledSSLProfile } from '@spillway/model';
import type { TlsProfile } from '@spillway/snapshot';
import { suiteNames } from './suites.js';

const VERSIONS: Readonly<Record<string, TlsProfile['versions'][number]>> = {
  SSL_VERSION_TLS1: 'TLSv1',
  SSL_VERSION_TLS1_1: 'TLSv1.1',
  SSL_VERSION_TLS1_2: 'TLSv1.2',
  SSL_VERSION_TLS1_3: 'TLSv1.3',
};

const SUITES_1_3 = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];
const WEEK = 604_800;

/** `auto` leaves the choice to the library. */
const unlessAuto = (value: string): string => (value === 'auto' ? '' : value);

/** Without a profile: what browsers of today and yesterday speak, and nothing that is broken. */
export const DEFAULT_PROFILE: TlsProfile = {
  versions: ['TLSv1.2', 'TLSv1.3'],
  ciphers: 'ECDHE+AESGCM:ECDHE+CHACHA20',
  ciphersuites: SUITES_1_3.join(':'),
  groups: '',
  signature_algorithms: '',
  prefer_client_cipher_ordering: false,
  send_close_notify: true,
  session_reuse: true,
  session_timeout: 86_400,
};

/** An SSL profile as SEs take it; text says why it cannot be served. */
export function tlsProfileOf(spec: FilledSSLProfile): TlsProfile | string {
  const versions = (spec.accepted_versions ?? []).flatMap(({ type }) => VERSIONS[type] ?? []);
  if (versions.length === 0)
    return 'accepts no version that is served: give it SSL_VERSION_TLS1_2 or SSL_VERSION_TLS1_3';
  const enums = spec.cipher_enums ?? [];
  const unknown = (spec.ciphersuites ?? '')
    .split(':')
    .filter((suite) => suite !== '' && !SUITES_1_3.includes(suite));
  if (unknown.length > 0) return `has suites of TLS 1.3 that are not known: ${unknown.join(', ')}`;
  const old = suiteNames(enums);
  const fresh = enums.filter((suite) => SUITES_1_3.includes(suite));
  return {
    versions: [...new Set(versions)],
    ciphers: old.length > 0 ? old.join(':') : spec.accepted_ciphers,
    ciphersuites: fresh.length > 0 ? fresh.join(':') : (spec.ciphersuites ?? SUITES_1_3.join(':')),
    groups: unlessAuto(spec.ec_named_curve),
    signature_algorithms: unlessAuto(spec.signature_algorithm),
    prefer_client_cipher_ordering: spec.prefer_client_cipher_ordering,
    send_close_notify: spec.send_close_notify,
    session_reuse: spec.enable_ssl_session_reuse,
    session_timeout: Math.min(spec.ssl_session_timeout, WEEK),
  };
}
