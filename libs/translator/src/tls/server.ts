import type { FilledSSLProfile, FilledPKIProfile, FilledVirtualService } from '@spillway/model';
import type { ServerTls, VirtualService } from '@spillway/snapshot';
import { follow } from '../read.js';
import { error, type Lookup, type Problem } from '../types.js';
import { translateCertificate } from './certificate.js';
import { DEFAULT_PROFILE, tlsProfileOf } from './profile.js';
import { validationOf } from './validation.js';

/** What of an application profile concerns TLS. */
export interface HttpTls {
  readonly ssl_client_certificate_mode?: string;
  readonly pki_profile_ref?: string;
  readonly reset_conn_http_on_ssl_port?: boolean;
}

/** TLS to the clients of a virtual service; undefined when no port of it speaks TLS, or when it cannot be served. */
export function serverTlsOf(
  vs: FilledVirtualService,
  http: HttpTls | undefined,
  application: VirtualService['application'],
  lookup: Lookup,
  problems: Problem[],
): ServerTls | undefined {
  if (!(vs.services ?? []).some((s) => s.enable_ssl)) return undefined;
  const found: Problem[] = [];
  const certificates = certificatesOf(vs, lookup, found);
  const profile = profileOf(vs, lookup, found);
  const client = clientCertificateOf(http, lookup, found);
  problems.push(...found);
  if (found.some((p) => p.severity === 'error') || profile === undefined) return undefined;
  return {
    profile,
    certificate_uuids: certificates,
    protocols: application.type === 'http' ? ['h2', 'http/1.1'] : [],
    ...(http?.reset_conn_http_on_ssl_port === true ? { reset_plain_http: true } : {}),
    ...(client === undefined ? {} : { client_certificate: client }),
  };
}

function certificatesOf(vs: FilledVirtualService, lookup: Lookup, problems: Problem[]): string[] {
  const uuids: string[] = [];
  for (const [i, ref] of (vs.ssl_key_and_certificate_refs ?? []).entries()) {
    const path = `ssl_key_and_certificate_refs[${i}]`;
    const object = follow(lookup, ref, 'sslkeyandcertificate');
    if (object === undefined) {
      problems.push(error('CERTIFICATE_MISSING', path, `certificate ${ref} does not exist`));
      continue;
    }
    const { fragment, problems: own } = translateCertificate(object.uuid, lookup);
    if (fragment !== undefined) uuids.push(object.uuid);
    for (const p of own) problems.push({ ...p, path });
  }
  if (uuids.length === 0 && problems.length === 0)
    problems.push(
      error(
        'CERTIFICATE_MISSING',
        'ssl_key_and_certificate_refs',
        'a port has enable_ssl and the virtual service has no certificate; give it one',
      ),
    );
  return [...new Set(uuids)];
}

function profileOf(
  vs: FilledVirtualService,
  lookup: Lookup,
  problems: Problem[],
): ServerTls['profile'] | undefined {
  if (vs.ssl_profile_ref === undefined) return DEFAULT_PROFILE;
  const object = follow(lookup, vs.ssl_profile_ref, 'sslprofile');
  const profile = object === undefined ? 'does not exist' : tlsProfileOf(object.spec as FilledSSLProfile);
  if (typeof profile !== 'string') return profile;
  const name = object?.name ?? vs.ssl_profile_ref;
  problems.push(error('SSL_PROFILE_UNUSABLE', 'ssl_profile_ref', `SSL profile ${name} ${profile}`));
  return undefined;
}

const MODES: Readonly<Record<string, 'request' | 'require'>> = {
  SSL_CLIENT_CERTIFICATE_REQUEST: 'request',
  SSL_CLIENT_CERTIFICATE_REQUIRE: 'require',
};

function clientCertificateOf(
  http: HttpTls | undefined,
  lookup: Lookup,
  problems: Problem[],
): ServerTls['client_certificate'] {
  const mode = MODES[http?.ssl_client_certificate_mode ?? ''];
  if (mode === undefined) return undefined;
  const object = follow(lookup, http?.pki_profile_ref, 'pkiprofile');
  const validation = object === undefined ? 'is missing' : validationOf(object.spec as FilledPKIProfile);
  if (typeof validation !== 'string') return { mode, validation };
  problems.push(
    error(
      'PKI_PROFILE_UNUSABLE',
      'application_profile_ref',
      `client certificates are asked for, and the PKI profile ${object?.name ?? ''} ${validation}`,
    ),
  );
  return undefined;
}
