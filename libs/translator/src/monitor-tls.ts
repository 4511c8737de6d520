import type {
  FilledHealthMonitorSSLAttributes,
  FilledPKIProfile,
  FilledSSLProfile,
  KindName,
} from '@spillway/model';
import type { MonitorTls } from '@spillway/snapshot';
import { follow } from './read.js';
import { translateCertificate } from './tls/certificate.js';
import { tlsProfileOf } from './tls/profile.js';
import { validationOf } from './tls/validation.js';
import { error, type Lookup, type Problem, type StoredObject } from './types.js';

/** TLS of a monitor, or why it cannot be had: then the check is not made rather than made in another way. */
export function monitorTlsOf(
  attributes: Partial<FilledHealthMonitorSSLAttributes> | undefined,
  path: string,
  lookup: Lookup,
): MonitorTls | Problem {
  if (attributes === undefined) return {};
  const { ssl_profile_ref, pki_profile_ref, ssl_key_and_certificate_ref, server_name } = attributes;
  const tls: MonitorTls = server_name ? { server_name: server_name.toLowerCase() } : {};
  try {
    if (ssl_profile_ref)
      tls.profile = must(path, 'ssl_profile_ref', ssl_profile_ref, 'sslprofile', lookup, (o) =>
        tlsProfileOf(o.spec as FilledSSLProfile),
      );
    if (pki_profile_ref)
      tls.validation = must(path, 'pki_profile_ref', pki_profile_ref, 'pkiprofile', lookup, (o) =>
        validationOf(o.spec as FilledPKIProfile),
      );
    if (ssl_key_and_certificate_ref)
      tls.certificate_uuid = must(
        path,
        'ssl_key_and_certificate_ref',
        ssl_key_and_certificate_ref,
        'sslkeyandcertificate',
        lookup,
        ({ uuid }) => certificateOf(uuid, lookup),
      ).uuid;
  } catch (failure) {
    if (failure instanceof Unusable) return failure.problem;
    throw failure;
  }
  return tls;
}

class Unusable extends Error {
  constructor(readonly problem: Problem) {
    super(problem.text);
  }
}

/** What a reference leads to, as `read` has it; text says why it cannot be used. `@throws {Unusable}` */
function must<T extends object>(
  path: string,
  field: string,
  ref: string,
  kind: KindName,
  lookup: Lookup,
  read: (object: StoredObject) => T | string,
): T {
  const object = follow(lookup, ref, kind);
  const found = object === undefined ? 'does not exist' : read(object);
  if (typeof found !== 'string') return found;
  const what = `${kind} ${object?.name ?? ref} ${found}`;
  throw new Unusable(error('MONITOR_TLS_UNUSABLE', `${path}.${field}`, what));
}

function certificateOf(uuid: string, lookup: Lookup): { uuid: string } | string {
  const [problem] = translateCertificate(uuid, lookup).problems;
  return problem?.severity === 'error' ? `cannot be used: ${problem.text}` : { uuid };
}
