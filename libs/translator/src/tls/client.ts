import type { FilledPKIProfile, FilledPool, FilledSSLProfile } from '@spillway/model';
import type { ClientTls } from '@spillway/snapshot';
import { follow } from '../read.js';
import { error, type Lookup, type Problem } from '../types.js';
import { translateCertificate } from './certificate.js';
import { tlsProfileOf } from './profile.js';
import { validationOf } from './validation.js';

/** TLS to the servers of a pool: where it has an SSL profile. */
export function clientTlsOf(pool: FilledPool, lookup: Lookup, problems: Problem[]): ClientTls | undefined {
  if (pool.ssl_profile_ref === undefined) return undefined;
  const object = follow(lookup, pool.ssl_profile_ref, 'sslprofile');
  const profile = object === undefined ? 'does not exist' : tlsProfileOf(object.spec as FilledSSLProfile);
  if (typeof profile === 'string') {
    const name = object?.name ?? pool.ssl_profile_ref;
    problems.push(error('SSL_PROFILE_UNUSABLE', 'ssl_profile_ref', `SSL profile ${name} ${profile}`));
    return undefined;
  }
  const certificate = certificateOf(pool, lookup, problems);
  const validation = validationFor(pool, lookup, problems);
  return {
    profile,
    sni_enabled: pool.sni_enabled,
    ...(pool.server_name ? { server_name: pool.server_name.toLowerCase() } : {}),
    ...(certificate === undefined ? {} : { certificate_uuid: certificate }),
    ...(validation === undefined ? {} : { validation }),
  };
}

function certificateOf(pool: FilledPool, lookup: Lookup, problems: Problem[]): string | undefined {
  const ref = pool.ssl_key_and_certificate_ref;
  if (ref === undefined) return undefined;
  const path = 'ssl_key_and_certificate_ref';
  const object = follow(lookup, ref, 'sslkeyandcertificate');
  if (object === undefined) {
    problems.push(error('CERTIFICATE_MISSING', path, `certificate ${ref} does not exist`));
    return undefined;
  }
  for (const p of translateCertificate(object.uuid, lookup).problems) problems.push({ ...p, path });
  return object.uuid;
}

function validationFor(pool: FilledPool, lookup: Lookup, problems: Problem[]): ClientTls['validation'] {
  if (pool.pki_profile_ref === undefined) return undefined;
  const object = follow(lookup, pool.pki_profile_ref, 'pkiprofile');
  const validation = object === undefined ? 'does not exist' : validationOf(object.spec as FilledPKIProfile);
  if (typeof validation === 'string') {
    const name = object?.name ?? pool.pki_profile_ref;
    problems.push(error('PKI_PROFILE_UNUSABLE', 'pki_profile_ref', `PKI profile ${name} ${validation}`));
    return undefined;
  }
  return {
    ...validation,
    host_check: pool.host_check_enabled,
    domain_names: (pool.domain_name ?? []).slice(0, 16),
  };
}
