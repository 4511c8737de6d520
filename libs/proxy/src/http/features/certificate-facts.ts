import { X509Certificate } from 'node:crypto';
import type { ClientCertificate } from '../../core/connection.js';

/** What headers can say of a certificate. */
export interface CertificateFacts {
  /** SHA-1 of the DER in lower-case hexadecimal, as other proxies say it. */
  readonly fingerprint: string;
  readonly serial: string;
  /** As RFC 4514 writes names, the most specific part first. */
  readonly issuer: string;
  readonly subject: string;
  /** PEM on one line, its line ends as spaces. */
  readonly raw: string;
  /** PEM, percent-encoded. */
  readonly escaped: string;
  readonly certificate_version: string;
  readonly signature_algorithm: string;
  readonly not_before: string;
  readonly not_after: string;
}

/** Per certificate, since a connection has one for all its requests. */
const known = new WeakMap<ClientCertificate, CertificateFacts>();

export function certificateFacts(certificate: ClientCertificate): CertificateFacts {
  const facts = known.get(certificate) ?? read(certificate);
  known.set(certificate, facts);
  return facts;
}

function read({ der }: ClientCertificate): CertificateFacts {
  const x509 = new X509Certificate(der);
  const base64 = Buffer.from(der).toString('base64');
  const lines = [
    '-----BEGIN CERTIFICATE-----',
    ...(base64.match(/.{1,64}/g) ?? []),
    '-----END CERTIFICATE-----',
  ];
  return {
    fingerprint: x509.fingerprint.replaceAll(':', '').toLowerCase(),
    serial: x509.serialNumber,
    issuer: distinguishedName(x509.issuer),
    subject: distinguishedName(x509.subject),
    raw: lines.join(' '),
    escaped: encodeURIComponent(`${lines.join('\n')}\n`),
    certificate_version: String(versionOf(der)),
    signature_algorithm: x509.signatureAlgorithm ?? '',
    not_before: x509.validFrom,
    not_after: x509.validTo,
  };
}

/** From lines of `TYPE=value`, the least specific first, to one line the other way round. */
const distinguishedName = (lines: string): string => lines.split('\n').filter(Boolean).toReversed().join(',');

/**
 * 1 to 3. Certificate and TBSCertificate are sequences; the version is the first element in the latter, tagged [0],
 * and left out for 1 (RFC 5280 section 4.1).
 */
function versionOf(der: Uint8Array): number {
  const tbs = contentAt(der, contentAt(der, 0));
  return der[tbs] === 0xa0 ? der[tbs + 4]! + 1 : 1;
}

/** Where the content of the element at `at` begins. */
function contentAt(der: Uint8Array, at: number): number {
  const length = der[at + 1]!;
  return at + 2 + (length < 0x80 ? 0 : length & 0x7f);
}
