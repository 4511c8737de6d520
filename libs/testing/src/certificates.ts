import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
  type X509Certificate,
} from '@peculiar/x509';
import type { Certificate } from '@spillway/snapshot';

cryptoProvider.set(webcrypto);

const ALGORITHM = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 2048,
  },
} as const;

/** A certificate and the key it was made with, for tests. */
export interface Issued {
  readonly x509: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly pem: string;
  readonly privateKey: string;
}

export interface Wish {
  cn: string;
  names?: string[];
  type?: 'ec' | 'rsa';
  /** Who signs it; itself when absent. */
  by?: Issued;
  ca?: boolean;
  notBefore?: Date;
  notAfter?: Date;
}

let serial = 1;

export async function issue(wish: Wish): Promise<Issued> {
  const algorithm = ALGORITHM[wish.type ?? 'ec'];
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const day = 86_400_000;
  const by = wish.by;
  const x509 = await X509CertificateGenerator.create({
    serialNumber: (serial++).toString(16).padStart(4, '0'),
    subject: `CN=${wish.cn}`,
    issuer: by === undefined ? `CN=${wish.cn}` : by.x509.subject,
    notBefore: wish.notBefore ?? new Date(Date.now() - day),
    notAfter: wish.notAfter ?? new Date(Date.now() + 30 * day),
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    signingAlgorithm: by === undefined ? algorithm : { ...by.keys.privateKey.algorithm, hash: 'SHA-256' },
    extensions: [
      new BasicConstraintsExtension(wish.ca ?? false, undefined, true),
      new SubjectAlternativeNameExtension(
        (wish.names ?? [wish.cn]).map((value) => ({ type: 'dns' as const, value })),
      ),
    ],
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    x509,
    keys,
    pem: `${x509.toString('pem')}\n`,
    privateKey: `-----BEGIN PRIVATE KEY-----\n${der.replace(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`,
  };
}

/** As the snapshot has it. */
export async function certificate(wish: Wish): Promise<Certificate> {
  const made = await issue(wish);
  return {
    uuid: `sslkeyandcertificate-${wish.cn}-${wish.type ?? 'ec'}`,
    name: wish.cn,
    names: wish.names ?? [wish.cn],
    key_type: wish.type ?? 'ec',
    chain: made.pem + (wish.by === undefined ? '' : wish.by.pem),
    private_key: made.privateKey,
  };
}

/** A revocation list of an authority, in PEM. */
export async function revocations(
  by: Issued,
  revoked: readonly Issued[] = [],
  nextUpdate?: Date,
): Promise<string> {
  const day = 86_400_000;
  const crl = await X509CrlGenerator.create({
    issuer: by.x509.subject,
    thisUpdate: new Date(Date.now() - 2 * day),
    nextUpdate: nextUpdate ?? new Date(Date.now() + day),
    entries: revoked.map(({ x509 }) => ({
      serialNumber: x509.serialNumber,
      revocationDate: new Date(Date.now() - day),
    })),
    signingAlgorithm: { ...by.keys.privateKey.algorithm, hash: 'SHA-256' },
    signingKey: by.keys.privateKey,
  });
  const body = Buffer.from(crl.rawData)
    .toString('base64')
    .replace(/(.{64})/g, '$1\n');
  return `-----BEGIN X509 CRL-----\n${body}\n-----END X509 CRL-----\n`;
}
