import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What an SE is to its cluster. The private key never leaves the directory. */
export interface SeIdentity {
  seUuid: string;
  seName: string;
  /** `host:port` of the SE channel, in the order in which they are tried. */
  grpc: string[];
  keyPem: string;
  certificatePem: string;
  caPem: string;
}

interface Stored {
  se_uuid: string;
  se_name: string;
  grpc: string[];
}

/** `DIR/identity/`: key, certificate, CA and names of an enrolled SE. */
export class IdentityStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = path.join(dir, 'identity');
  }

  /** Undefined for an SE that has not enrolled yet. */
  load(): SeIdentity | undefined {
    if (!existsSync(this.#file('identity.json'))) return undefined;
    const { se_uuid, se_name, grpc } = JSON.parse(this.#read('identity.json')) as Stored;
    return {
      seUuid: se_uuid,
      seName: se_name,
      grpc,
      keyPem: this.#read('key.pem'),
      certificatePem: this.#read('certificate.pem'),
      caPem: this.#read('ca.pem'),
    };
  }

  /** The names come last: an identity is there when they are. */
  save(identity: SeIdentity): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    this.#write('key.pem', identity.keyPem);
    this.#write('certificate.pem', identity.certificatePem);
    this.#write('ca.pem', identity.caPem);
    const stored: Stored = { se_uuid: identity.seUuid, se_name: identity.seName, grpc: identity.grpc };
    this.#write('identity.json', `${JSON.stringify(stored)}\n`);
  }

  clear(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #file(name: string): string {
    return path.join(this.#dir, name);
  }

  #read(name: string): string {
    return readFileSync(this.#file(name), 'utf8');
  }

  #write(name: string, text: string): void {
    writeFileSync(this.#file(`${name}.new`), text, { mode: 0o600 });
    renameSync(this.#file(`${name}.new`), this.#file(name));
  }
}

/** A new private key, ECDSA P-256, PKCS #8. */
export const newKey = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  });

/** A certificate request for the key, signed by it. The X.509 library is loaded only when one is made. */
export async function newRequest(keyPem: string, commonName: string): Promise<string> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const { createPrivateKey } = await import('node:crypto');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const privateDer = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' });
  const publicDer = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name([{ CN: [commonName] }]),
    keys: {
      privateKey: await crypto.subtle.importKey('pkcs8', privateDer, algorithm, false, ['sign']),
      publicKey: await crypto.subtle.importKey('spki', publicDer, algorithm, true, ['verify']),
    },
    signingAlgorithm: algorithm,
  });
  return `${request.toString('pem')}\n`;
}

export type Freshness = 'fresh' | 'renew' | 'expired';

/** When a certificate is to be renewed, after two thirds of its life, and when it ends. Milliseconds since 1970. */
function lifeOf(certificatePem: string): { renewAt: number; end: number; life: number } {
  const certificate = new X509Certificate(certificatePem);
  const from = Date.parse(certificate.validFrom);
  const end = Date.parse(certificate.validTo);
  return { renewAt: from + ((end - from) * 2) / 3, end, life: end - from };
}

/** `now`: milliseconds since 1970. */
export function freshness(certificatePem: string, now: number): Freshness {
  const { renewAt, end } = lifeOf(certificatePem);
  if (now >= end) return 'expired';
  return now >= renewAt ? 'renew' : 'fresh';
}

/** A clock may be set: the certificate is looked at at least so often. */
export const MOST_RENEWAL_PAUSE = 60_000;
const LEAST_RENEWAL_PAUSE = 100;

/** Milliseconds to wait before the certificate is looked at again; a renewal that failed has several tries left. */
export function renewalPause(certificatePem: string, now: number): number {
  const { renewAt, life } = lifeOf(certificatePem);
  const until = now < renewAt ? renewAt - now : life / 30;
  return Math.min(MOST_RENEWAL_PAUSE, Math.max(LEAST_RENEWAL_PAUSE, until));
}
