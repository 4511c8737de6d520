// The objects that are changed are those of a golden file; what is tested does no I/O.
// oxlint-disable-next-line no-restricted-imports
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { kindNames, marksOf, type KindName } from '@spillway/model';
import { canonical } from '@spillway/snapshot';
import { parse } from 'yaml';
import { SnapshotSource } from '../index.js';
import { objectsOf, type WrittenObject } from '../testing/objects.js';

const GOLDEN = join(import.meta.dirname, '../../golden/tls.in.yaml');
const PROOF = 'libs/translator/src/tls/honoured.spec.ts';
const VS = 'virtualservice-01-tls';
const SE = 'serviceengine-1';

const world = (): WrittenObject[] =>
  (parse(readFileSync(GOLDEN, 'utf8')) as { objects: WrittenObject[] }).objects;
const certificate = (uuid: string): string =>
  (world().find((o) => o.uuid === uuid)!.spec['certificate'] as { certificate: string }).certificate;

const CRL = `-----BEGIN X509 CRL-----
MIGsMFUCAQEwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJVGVzdCBSb290Fw0yNjEx
MjIwMzQ2MzNaGA8yMTA5MDExMTAzNDYzM1qgDjAMMAoGA1UdFAQDAgEBMAoGCCqG
SM49BAMCA0cAMEQCIDCaDyu4ODQz2bqbB7ZjP0tpmDhMAYAAlSUu/EUJHPtzAiBc
xcWTSAqeHj2POputvWc7ksCGQ1Zh5QziklW75yzH9g==
-----END X509 CRL-----
`;

function snapshot(written: readonly WrittenObject[]): string {
  const objects = objectsOf(written);
  const source = new SnapshotSource({ get: (uuid) => objects.get(uuid) }, 'cluster-1');
  source.track(SE);
  source.setPlacement('1', {
    id: '1',
    vsUuid: VS,
    vipId: '0',
    seUuid: SE,
    primary: true,
    desired: 'active',
    epoch: 1,
    drainTimeout: 30_000,
  });
  return canonical([...source.snapshotOf(SE).fragments.values()]);
}

/** A spec as it is changed here: whatever the golden file holds. */
// oxlint-disable-next-line typescript/no-explicit-any
type Spec = any;

interface Change {
  of: string;
  change: (spec: Spec) => void;
  /** What has to be so before. */
  given?: (spec: Spec) => void;
}

const versions = (...types: string[]): object[] => types.map((type) => ({ type: `SSL_VERSION_${type}` }));
const sslProfile = (change: Change['change'], given?: Change['given']): Change => ({
  of: 'sslprofile-1',
  change,
  ...(given === undefined ? {} : { given }),
});
const version = (type: string): Change =>
  sslProfile(
    (s) => (s.accepted_versions = versions('TLS1_2', type)),
    (s) => (s.accepted_versions = versions(type === 'TLS1_2' ? 'TLS1_3' : 'TLS1_2')),
  );
const pool = (change: Change['change']): Change => ({ of: 'pool-1', change });
const monitor = (change: Change['change']): Change => ({
  of: 'healthmonitor-2',
  change: (s) => change(s.https_monitor.ssl_attributes),
});
const application = (change: Change['change']): Change => ({ of: 'applicationprofile-http', change });
const own = (change: Change['change']): Change => ({ of: 'sslkeyandcertificate-1', change });
const pki = (change: Change['change'], given?: Change['given']): Change => ({
  of: 'pkiprofile-1',
  change,
  ...(given === undefined ? {} : { given }),
});

const CHANGES: { readonly [K in KindName]?: Readonly<Record<string, Change>> } = {
  virtualservice: {
    'services[].enable_ssl': { of: VS, change: (s) => (s.services[0].enable_ssl = false) },
    ssl_key_and_certificate_refs: {
      of: VS,
      change: (s) => s.ssl_key_and_certificate_refs.push('sslkeyandcertificate-2'),
    },
    ssl_profile_ref: { of: VS, change: (s) => (s.ssl_profile_ref = 'sslprofile-enums') },
  },
  applicationprofile: {
    'http_profile.ssl_client_certificate_mode': application(
      (s) => (s.http_profile.ssl_client_certificate_mode = 'SSL_CLIENT_CERTIFICATE_REQUEST'),
    ),
    'http_profile.pki_profile_ref': application((s) => (s.http_profile.pki_profile_ref = 'pkiprofile-none')),
    'http_profile.reset_conn_http_on_ssl_port': application(
      (s) => (s.http_profile.reset_conn_http_on_ssl_port = false),
    ),
  },
  sslprofile: {
    'accepted_versions[].type=SSL_VERSION_TLS1': version('TLS1'),
    'accepted_versions[].type=SSL_VERSION_TLS1_1': version('TLS1_1'),
    'accepted_versions[].type=SSL_VERSION_TLS1_2': version('TLS1_2'),
    'accepted_versions[].type=SSL_VERSION_TLS1_3': version('TLS1_3'),
    accepted_ciphers: sslProfile((s) => (s.accepted_ciphers = 'ECDHE+CHACHA20')),
    cipher_enums: sslProfile((s) => (s.cipher_enums = ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'])),
    ciphersuites: sslProfile((s) => (s.ciphersuites = 'TLS_AES_128_GCM_SHA256')),
    ec_named_curve: sslProfile((s) => (s.ec_named_curve = 'P-384')),
    signature_algorithm: sslProfile((s) => (s.signature_algorithm = 'ECDSA+SHA256')),
    prefer_client_cipher_ordering: sslProfile((s) => (s.prefer_client_cipher_ordering = false)),
    send_close_notify: sslProfile((s) => (s.send_close_notify = true)),
    enable_ssl_session_reuse: sslProfile((s) => (s.enable_ssl_session_reuse = false)),
    ssl_session_timeout: sslProfile((s) => (s.ssl_session_timeout = 60)),
  },
  sslkeyandcertificate: {
    'certificate.certificate': own(
      (s) => (s.certificate.certificate = certificate('sslkeyandcertificate-root')),
    ),
    key: own((s) => (s.key = '')),
    key_passphrase: own((s) => (s.key_passphrase = 'wrong')),
    'ca_certs[].ca_ref': own((s) => (s.ca_certs = [])),
  },
  pkiprofile: {
    'ca_certs[].certificate': pki(
      (s) => (s.ca_certs[0].certificate = certificate('sslkeyandcertificate-int')),
    ),
    crl_check: pki(
      (s) => (s.crl_check = true),
      (s) => (s.crls = [{ body: CRL }]),
    ),
    'crls[].body': pki(
      (s) => (s.crls = [{ body: CRL }]),
      (s) => (s.crl_check = true),
    ),
    validate_only_leaf_crl: pki((s) => (s.validate_only_leaf_crl = false)),
  },
  pool: {
    ssl_profile_ref: pool((s) => delete s.ssl_profile_ref),
    sni_enabled: pool((s) => (s.sni_enabled = false)),
    server_name: pool((s) => (s.server_name = 'other.example')),
    pki_profile_ref: pool((s) => delete s.pki_profile_ref),
    host_check_enabled: pool((s) => (s.host_check_enabled = false)),
    domain_name: pool((s) => (s.domain_name = ['b.example'])),
    ssl_key_and_certificate_ref: pool((s) => delete s.ssl_key_and_certificate_ref),
  },
  healthmonitor: {
    'https_monitor.ssl_attributes.ssl_profile_ref': monitor((a) => (a.ssl_profile_ref = 'sslprofile-1')),
    'https_monitor.ssl_attributes.pki_profile_ref': monitor((a) => delete a.pki_profile_ref),
    'https_monitor.ssl_attributes.ssl_key_and_certificate_ref': monitor(
      (a) => delete a.ssl_key_and_certificate_ref,
    ),
    'https_monitor.ssl_attributes.server_name': monitor((a) => (a.server_name = 'other.example')),
  },
};

const marked = (kind: KindName): string[] =>
  marksOf(kind).flatMap((mark) => (mark.proof === PROOF ? mark.paths : []));

describe('what the model marks as honoured of TLS', () => {
  const cases = kindNames().flatMap((kind) => marked(kind).map((path) => ({ kind, path })));

  it('is what is tried here', () => {
    for (const kind of kindNames())
      expect({ kind, paths: Object.keys(CHANGES[kind] ?? {}).sort() }).toEqual({
        kind,
        paths: marked(kind).sort(),
      });
  });

  it.each(cases)('reaches the service engine: $kind $path', ({ kind, path }) => {
    const { of, change, given } = CHANGES[kind]![path]!;
    const [before, after] = [world(), world()];
    for (const objects of [before, after]) given?.(objects.find((o) => o.uuid === of)!.spec);
    change(after.find((o) => o.uuid === of)!.spec);
    expect(snapshot(after)).not.toBe(snapshot(before));
  });

  it('lets no private key of another object out', () => {
    const text = snapshot(world());
    expect(text.match(/BEGIN PRIVATE KEY/g)).toHaveLength(1);
    expect(text).not.toContain('ENCRYPTED');
  });
});
