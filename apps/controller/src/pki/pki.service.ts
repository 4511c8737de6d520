import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CONTROLLER_NAME } from '@spillway/protocol';
import type { AuthorityStore } from './authority-store.js';
import { keptCertificate, type KeyAndCertificate, replaceFile } from './certificate-files.js';
import { outsiderUri, serviceEngineUri } from './identity.js';
import { loadSecretKey, seal, unseal } from './seal.js';
import type { Authority, Issue, Issued } from './x509.js';

export interface PkiSettings {
  /** The controller's directory: `ca.pem`, `server.pem`, `server.key`, `status-client.pem`, `status-client.key`. */
  dir: string;
  secretKeyFile: string;
  /** Host names and addresses that clients and SEs reach this replica by, beside loopback and the host's own name. */
  serverNames: readonly string[];
  /** Milliseconds that an SE's certificate is valid; it renews at two thirds of it. */
  seCertificateLifetime?: number;
}

export interface ServiceEngineCertificate extends Issued {
  publicKeyFingerprint: string;
}

const DAY = 86_400_000;
const SE_LIFETIME = DAY;
/** What common clients accept at most. */
const SERVER_LIFETIME = 397 * DAY;
const OUTSIDER_LIFETIME = 397 * DAY;
const CA_KEY_CONTEXT = "the certificate authority's key";

/**
 * The cluster's own certificate authority. Its key is sealed in the database, so that every replica with the secret
 * key file can issue; its certificate is `DIR/ca.pem`. The X.509 library is loaded only when something is issued:
 * a second start issues nothing.
 */
export class PkiService {
  #opened: Promise<Opened> | undefined;
  #server: Promise<KeyAndCertificate> | undefined;

  constructor(
    private readonly store: AuthorityStore,
    private readonly settings: PkiSettings,
  ) {}

  /** Makes or reads the authority and writes `ca.pem`; called once at start, again without effect. */
  async open(): Promise<void> {
    await this.#authority();
  }

  async clusterUuid(): Promise<string> {
    return (await this.#authority()).clusterUuid;
  }

  async caPem(): Promise<string> {
    return (await this.#authority()).authority.certificatePem;
  }

  /** SHA-256 of the authority's certificate (DER), lower-case hex: the third part of an enrolment token. */
  async caFingerprint(): Promise<string> {
    return new X509Certificate(await this.caPem()).fingerprint256.replaceAll(':', '').toLowerCase();
  }

  /**
   * Key and certificate of this replica's listeners (API, SE channel, status). `certificatePem` carries the authority
   * after the leaf, so that a client that knows only its hash can check the chain. Each call looks again, and a
   * certificate that is due is renewed.
   */
  async serverCertificate(): Promise<KeyAndCertificate & { caPem: string }> {
    const { authority } = await this.#authority();
    const look = () =>
      keptCertificate(
        { certificate: join(this.settings.dir, 'server.pem'), key: join(this.settings.dir, 'server.key') },
        authority.certificatePem,
        {
          commonName: 'spillway controller',
          names: serverNames(this.settings.serverNames),
          usages: ['server'],
          lifetime: SERVER_LIFETIME,
        },
        (what) => issueWith(authority, what),
      );
    // One after the other, so that listeners that start together share one certificate.
    this.#server = this.#server === undefined ? look() : this.#server.then(look, look);
    const kept = await this.#server;
    return {
      ...kept,
      certificatePem: `${kept.certificatePem}${authority.certificatePem}`,
      caPem: authority.certificatePem,
    };
  }

  /** A client certificate for the status listener, kept in `status-client.pem` and `status-client.key`. */
  async outsiderCertificate(): Promise<KeyAndCertificate> {
    const { authority, clusterUuid } = await this.#authority();
    return keptCertificate(
      {
        certificate: join(this.settings.dir, 'status-client.pem'),
        key: join(this.settings.dir, 'status-client.key'),
      },
      authority.certificatePem,
      {
        commonName: 'status client',
        names: { uri: [outsiderUri(clusterUuid, 'status-client')] },
        usages: ['client'],
        lifetime: OUTSIDER_LIFETIME,
      },
      (what) => issueWith(authority, what),
    );
  }

  /** A certificate for an SE, for the key of its request. Throws `CertificateRequestError`. */
  async signServiceEngine(csrPem: string, seUuid: string): Promise<ServiceEngineCertificate> {
    const { readRequest, keyFingerprint } = await import('./x509.js');
    const publicKey = await readRequest(csrPem);
    const { authority, clusterUuid } = await this.#authority();
    const issued = await issueWith(authority, {
      publicKey,
      commonName: seUuid,
      names: { uri: [serviceEngineUri(clusterUuid, seUuid)] },
      usages: ['client'],
      lifetime: this.settings.seCertificateLifetime ?? SE_LIFETIME,
    });
    return { ...issued, publicKeyFingerprint: keyFingerprint(publicKey) };
  }

  /** SHA-256 of the public key of a request that is signed by that key, lower-case hex. */
  async requestFingerprint(csrPem: string): Promise<string> {
    const { readRequest, keyFingerprint } = await import('./x509.js');
    return keyFingerprint(await readRequest(csrPem));
  }

  async #authority(): Promise<Opened> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #open(): Promise<Opened> {
    mkdirSync(this.settings.dir, { recursive: true, mode: 0o700 });
    const secret = loadSecretKey(this.settings.secretKeyFile);
    const clusterUuid = await this.store.clusterUuid();
    const stored = (await this.store.load()) ?? (await this.#create(secret, clusterUuid));
    const privateKey = createPrivateKey({
      key: unseal(secret, stored.keySealed, CA_KEY_CONTEXT),
      format: 'der',
      type: 'pkcs8',
    });
    replaceFile(join(this.settings.dir, 'ca.pem'), stored.certificatePem, 0o644);
    return { clusterUuid, authority: { certificatePem: stored.certificatePem, privateKey } };
  }

  async #create(secret: Buffer, clusterUuid: string) {
    const { createAuthority } = await import('./x509.js');
    const made = await createAuthority(`spillway ${clusterUuid}`);
    const der = made.privateKey.export({ type: 'pkcs8', format: 'der' }) as Buffer;
    return this.store.saveOnce({
      certificatePem: made.certificatePem,
      keySealed: seal(secret, der, CA_KEY_CONTEXT),
    });
  }
}

interface Opened {
  clusterUuid: string;
  authority: Authority & { privateKey: KeyObject };
}

async function issueWith(authority: Authority, what: Issue): Promise<Issued> {
  return (await import('./x509.js')).issue(authority, what);
}

const ANY = new Set(['0.0.0.0', '::', '']);

function serverNames(more: readonly string[]): { dns: string[]; ip: string[] } {
  const all = [...new Set([CONTROLLER_NAME, 'localhost', '127.0.0.1', '::1', hostname(), ...more])].filter(
    (n) => !ANY.has(n),
  );
  return { dns: all.filter((n) => isIP(n) === 0), ip: all.filter((n) => isIP(n) !== 0) };
}
