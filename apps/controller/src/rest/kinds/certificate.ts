import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { errors } from '../../errors.js';
import type { Spec } from '../../store/index.js';

const DAY_MS = 86_400_000;

/** `C=US\nO=Example\nCN=host` as node:crypto prints a name, to the published fields. */
const NAME_FIELDS: Readonly<Record<string, string>> = {
  CN: 'common_name',
  C: 'country',
  emailAddress: 'email_address',
  L: 'locality',
  O: 'organization',
  OU: 'organization_unit',
  ST: 'state',
};

const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'SSL_KEY_EC_CURVE_SECP256R1',
  secp384r1: 'SSL_KEY_EC_CURVE_SECP384R1',
  secp521r1: 'SSL_KEY_EC_CURVE_SECP521R1',
};

/** The first certificate of a PEM. Throws a 400 that names the field. */
export function readCertificate(pem: string, field: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (err) {
    throw refuse(field, `it is not a certificate in PEM (${(err as Error).message})`);
  }
}

/** A private key in PEM, with its passphrase where it has one. */
export function readKey(pem: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(passphrase ? { passphrase } : {}) });
  } catch {
    throw refuse('key', 'it is not a private key in PEM, or key_passphrase is missing or wrong');
  }
}

/** What the server tells of a certificate beside its PEM. */
export function describeCertificate(certificate: X509Certificate, now = new Date()): Spec {
  const notAfter = new Date(certificate.validTo);
  const days = Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS);
  const names = (certificate.subjectAltName ?? '')
    .split(/,\s*/)
    .filter((name) => name !== '')
    .map((name) => name.replace(/^(DNS|IP Address|URI|email):/, ''));
  return {
    subject: describeName(certificate.subject),
    issuer: describeName(certificate.issuer),
    serial_number: BigInt(`0x${certificate.serialNumber}`).toString(),
    not_before: timestamp(new Date(certificate.validFrom)),
    not_after: timestamp(notAfter),
    fingerprint: `SHA256 Fingerprint=${certificate.fingerprint256}`,
    self_signed: certificate.checkIssued(certificate),
    expiry_status:
      days < 0
        ? 'SSL_CERTIFICATE_EXPIRED'
        : days < 30
          ? 'SSL_CERTIFICATE_EXPIRY_WARNING'
          : 'SSL_CERTIFICATE_GOOD',
    days_until_expire: Math.max(days, -365_000),
    key_params: describeKey(certificate.publicKey),
    public_key: certificate.publicKey.export({ type: 'spki', format: 'pem' }),
    ...(names.length > 0 ? { subject_alt_names: names } : {}),
  };
}

/** Algorithm and size of a key. */
export function describeKey(key: KeyObject): Spec {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === 'ec')
    return {
      algorithm: 'SSL_KEY_ALGORITHM_EC',
      ec_params: { curve: CURVES[details?.namedCurve ?? ''] ?? 'SSL_KEY_EC_CURVE_SECP256R1' },
    };
  const bits = details?.modulusLength;
  if (key.asymmetricKeyType !== 'rsa' || bits === undefined)
    throw refuse(
      'certificate',
      `keys of type ${key.asymmetricKeyType ?? 'unknown'} are not supported; use RSA or EC`,
    );
  return {
    algorithm: 'SSL_KEY_ALGORITHM_RSA',
    rsa_params: {
      key_size:
        bits <= 1024
          ? 'SSL_KEY_1024_BITS'
          : bits <= 2048
            ? 'SSL_KEY_2048_BITS'
            : bits <= 3072
              ? 'SSL_KEY_3072_BITS'
              : 'SSL_KEY_4096_BITS',
      exponent: Number(details?.publicExponent ?? 65_537n),
    },
  };
}

function describeName(text: string | undefined): Spec {
  const parts = (text ?? '').split('\n').filter((line) => line.includes('='));
  const described: Spec = { distinguished_name: parts.join(', ') };
  for (const part of parts) {
    const equals = part.indexOf('=');
    const field = NAME_FIELDS[part.slice(0, equals)];
    if (field !== undefined) described[field] = part.slice(equals + 1);
  }
  return described;
}

/** `2026-11-21 23:42:21`, as the published API prints times of certificates. */
const timestamp = (at: Date): string => at.toISOString().slice(0, 19).replace('T', ' ');

const refuse = (field: string, why: string): Error =>
  errors.badRequest('FIELD_INVALID', `Field check for ${field} failed : ${why}.`, { field });
