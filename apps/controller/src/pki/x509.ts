import 'reflect-metadata';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  type webcrypto,
} from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate request that is not accepted; the message says what to change. */
export class CertificateRequestError extends Error {
  readonly code = 'CERTIFICATE_REQUEST_INVALID';
  readonly status = 400;
  constructor(message: string) {
    super(message);
    this.name = 'CertificateRequestError';
  }
}

export interface Authority {
  readonly certificatePem: string;
  readonly privateKey: KeyObject;
}

export type Usage = 'server' | 'client';

export interface Names {
  dns?: readonly string[];
  ip?: readonly string[];
  uri?: readonly string[];
}

export interface Issue {
  publicKey: KeyObject;
  commonName: string;
  names: Names;
  usages: readonly Usage[];
  /** Milliseconds of life from now. */
  lifetime: number;
}

export interface Issued {
  certificatePem: string;
  serial: string;
  notAfter: Date;
}

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Certificates are valid from a while ago, so that a clock that is somewhat behind accepts them. */
const BACKDATE = 5 * 60_000;
const CA_LIFETIME = 10 * 365 * 86_400_000;

/** SHA-256 of the DER of a certificate, lower-case hex: what an enrolment token pins. */
export const certificateFingerprint = (pem: string): string => sha256(pemBody(pem));

/** SHA-256 of the DER of the subject public key, lower-case hex. */
export const keyFingerprint = (key: KeyObject): string =>
  sha256(key.export({ type: 'spki', format: 'der' }) as Buffer);

/** A new authority: ECDSA P-256, ten years. */
export async function createAuthority(commonName: string): Promise<Authority> {
  const { keys, pem } = await newKeyPair();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: new x509.Name([{ CN: [commonName] }]),
    notBefore: new Date(Date.now() - BACKDATE),
    notAfter: new Date(Date.now() + CA_LIFETIME),
    signingAlgorithm: ECDSA,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: `${certificate.toString('pem')}\n`, privateKey: createPrivateKey(pem) };
}

export async function issue(authority: Authority, what: Issue): Promise<Issued> {
  const ca = new x509.X509Certificate(authority.certificatePem);
  const publicKey = await webPublicKey(what.publicKey);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: ca.subjectName,
    subject: new x509.Name([{ CN: [what.commonName] }]),
    notBefore: new Date(Date.now() - BACKDATE),
    notAfter: new Date(Date.now() + what.lifetime),
    publicKey,
    signingKey: await webPrivateKey(authority.privateKey),
    signingAlgorithm: ECDSA,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(
        what.usages.map((u) =>
          u === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
        ),
      ),
      new x509.SubjectAlternativeNameExtension([
        ...(what.names.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
        ...(what.names.ip ?? []).map((value) => ({ type: 'ip' as const, value })),
        ...(what.names.uri ?? []).map((value) => ({ type: 'url' as const, value })),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return {
    certificatePem: `${certificate.toString('pem')}\n`,
    serial: certificate.serialNumber,
    notAfter: certificate.notAfter,
  };
}

/**
 * The public key of a PKCS #10 request whose signature is its own. Accepted keys: ECDSA P-256 and P-384, Ed25519,
 * RSA of 2048 bits and more. Names in the request are not used: who asks decides the identity.
 */
export async function readRequest(csrPem: string): Promise<KeyObject> {
  let request: x509.Pkcs10CertificateRequest;
  let key: KeyObject;
  try {
    request = new x509.Pkcs10CertificateRequest(csrPem);
    key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' });
  } catch {
    throw new CertificateRequestError('csr_pem is not a PKCS #10 certificate request in PEM');
  }
  if (!acceptable(key))
    throw new CertificateRequestError(
      `csr_pem has a key of type ${key.asymmetricKeyType}; use ECDSA P-256 or P-384, Ed25519, or RSA of 2048 bits and more`,
    );
  if (!(await request.verify().catch(() => false)))
    throw new CertificateRequestError('csr_pem is not signed by the key it asks a certificate for');
  return key;
}

function acceptable(key: KeyObject): boolean {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType;
  if (type === 'ec') return namedCurve === 'prime256v1' || namedCurve === 'secp384r1';
  return type === 'ed25519' || (type === 'rsa' && modulusLength >= 2048);
}

async function newKeyPair(): Promise<{ keys: webcrypto.CryptoKeyPair; pem: string }> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { keys, pem: key.export({ type: 'pkcs8', format: 'pem' }) };
}

const webPrivateKey = (key: KeyObject): Promise<CryptoKey> =>
  crypto.subtle.importKey(
    'pkcs8',
    key.export({ type: 'pkcs8', format: 'der' }) as Uint8Array<ArrayBuffer>,
    ECDSA,
    false,
    ['sign'],
  );

async function webPublicKey(key: KeyObject): Promise<CryptoKey> {
  return new x509.PublicKey(key.export({ type: 'spki', format: 'der' }) as Uint8Array<ArrayBuffer>).export();
}

/** Positive, 127 random bits: unguessable and never negative in DER. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

function pemBody(pem: string): Buffer {
  const body = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/.exec(pem)?.[1] ?? '';
  return Buffer.from(body, 'base64');
}
