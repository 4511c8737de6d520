import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { FilledSSLKeyAndCertificate } from '@spillway/model';
import type { Certificate } from '@spillway/snapshot';
import { follow } from '../read.js';
import { stapleOf } from './ocsp.js';
import { error, failed, type Lookup, type Problem, type Translated, warning } from '../types.js';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** A certificate with its chain and key, as SEs take it: names read, key not encrypted. */
export function translateCertificate(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'sslkeyandcertificate')
    return failed(error('CERTIFICATE_MISSING', '', `certificate ${uuid} does not exist`));
  const spec = object.spec as FilledSSLKeyAndCertificate;
  const unusable = (text: string): Translated =>
    failed(error('CERTIFICATE_UNUSABLE', 'certificate', `certificate ${object.name} ${text}`));
  const pem = (spec.certificate?.certificate ?? '').match(BLOCK) ?? [];
  const own = read(pem[0]);
  if (own === undefined) return unusable('has no certificate in PEM yet');
  const key = privateKey(spec);
  if (key === undefined) return unusable('has no private key that can be read');
  if (!own.checkPrivateKey(key)) return unusable('has a private key of another certificate');
  const problems: Problem[] = [];
  const chain = [...pem, ...authorities(spec, lookup, problems)];
  const staple = spec.enable_ocsp_stapling ? stapleOf(uuid, own.fingerprint256, lookup) : undefined;
  const body: Certificate = {
    uuid,
    name: object.name,
    names: namesOf(own),
    key_type: key.asymmetricKeyType === 'ec' ? 'ec' : key.asymmetricKeyType === 'rsa' ? 'rsa' : 'other',
    chain: `${chainOf(own, chain).join('\n')}\n`,
    private_key: key.export({ type: 'pkcs8', format: 'pem' }),
    ...(staple === undefined ? {} : { ocsp_response: staple }),
  };
  return { fragment: { type: 'certificate', key: uuid, body }, uses: [], problems };
}

function read(pem: string | undefined): X509Certificate | undefined {
  if (pem === undefined) return undefined;
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function privateKey(spec: FilledSSLKeyAndCertificate): KeyObject | undefined {
  if (spec.key === undefined || spec.key === '') return undefined;
  try {
    const passphrase = spec.key_passphrase;
    return createPrivateKey({ key: spec.key, ...(passphrase ? { passphrase } : {}) });
  } catch {
    return undefined;
  }
}

/** The certificates of the authorities that it names. */
function authorities(spec: FilledSSLKeyAndCertificate, lookup: Lookup, problems: Problem[]): string[] {
  return (spec.ca_certs ?? []).flatMap(({ ca_ref: ref }, i) => {
    if (ref === undefined) return [];
    const authority = follow(lookup, ref, 'sslkeyandcertificate')?.spec as
      | FilledSSLKeyAndCertificate
      | undefined;
    const found = (authority?.certificate?.certificate ?? '').match(BLOCK) ?? [];
    if (found.length === 0)
      problems.push(
        warning('CERTIFICATE_MISSING', `ca_certs[${i}].ca_ref`, `authority ${ref} has no certificate`),
      );
    return found;
  });
}

/** From its own certificate on, each followed by its issuer; a root is left out, since clients have theirs. */
function chainOf(own: X509Certificate, pems: readonly string[]): string[] {
  const others = pems.slice(1).flatMap((pem) => {
    const x509 = read(pem);
    return x509 === undefined ? [] : [{ pem, x509 }];
  });
  const chain = [pems[0]!];
  for (let last = own; !last.checkIssued(last);) {
    const next = others.find(({ pem, x509 }) => last.checkIssued(x509) && !chain.includes(pem));
    if (next === undefined || next.x509.checkIssued(next.x509)) break;
    chain.push(next.pem);
    last = next.x509;
  }
  return chain;
}

/** DNS names of the subject's alternatives, else its common name (RFC 6125 section 6.4.4). */
function namesOf(x509: X509Certificate): string[] {
  const alternatives = (x509.subjectAltName ?? '')
    .split(/,\s*/)
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice(4).toLowerCase());
  const common = /^CN=(.+)$/m.exec(x509.subject ?? '')?.[1]?.toLowerCase();
  const names = alternatives.length > 0 ? alternatives : common === undefined ? [] : [common];
  return [...new Set(names)].filter((n) => /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(n)).slice(0, 1000);
}
