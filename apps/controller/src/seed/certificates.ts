import { webcrypto } from 'node:crypto';
import { describeCertificate, describeKey, readCertificate } from '../rest/kinds/certificate.js';
import type { Seed } from './system-objects.js';

const YEARS_10_MS = 10 * 365 * 86_400_000;

type Algorithm = 'RSA' | 'EC';

const NAMES: readonly (readonly [name: string, algorithm: Algorithm, type: string])[] = [
  ['System-Default-Cert', 'RSA', 'VIRTUALSERVICE'],
  ['System-Default-Cert-EC', 'EC', 'VIRTUALSERVICE'],
  ['System-Default-Portal-Cert', 'RSA', 'SYSTEM'],
  ['System-Default-Portal-Cert-EC256', 'EC', 'SYSTEM'],
  ['System-Default-Root-CA', 'EC', 'CA'],
  ['System-Default-Secure-Channel-Cert', 'EC', 'SYSTEM'],
];

/** Self-signed certificates, made anew for each cluster: keys that everybody has would protect nobody. */
export async function systemCertificates(): Promise<Seed[]> {
  return Promise.all(
    NAMES.map(async ([name, algorithm, type]): Promise<Seed> => {
      const { pem, key } = await selfSigned(name, algorithm, type === 'CA');
      const certificate = readCertificate(pem, 'certificate');
      return {
        kind: 'sslkeyandcertificate',
        name,
        spec: {
          type: `SSL_CERTIFICATE_TYPE_${type}`,
          status: 'SSL_CERTIFICATE_FINISHED',
          key,
          key_params: describeKey(certificate.publicKey),
          certificate: { certificate: pem, ...describeCertificate(certificate) },
        },
      };
    }),
  );
}

async function selfSigned(
  name: string,
  algorithm: Algorithm,
  isAuthority: boolean,
): Promise<{ pem: string; key: string }> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const signing =
    algorithm === 'EC'
      ? { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
      : {
          name: 'RSASSA-PKCS1-v1_5',
          hash: 'SHA-256',
          publicExponent: new Uint8Array([1, 0, 1]),
          modulusLength: 2048,
        };
  const keys = await webcrypto.subtle.generateKey(signing, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: new x509.Name([{ CN: [name] }]),
    notBefore: new Date(Date.now() - 300_000),
    notAfter: new Date(Date.now() + YEARS_10_MS),
    signingAlgorithm: signing,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(isAuthority, undefined, true),
      ...(isAuthority
        ? [new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true)]
        : []),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { pem: certificate.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}
