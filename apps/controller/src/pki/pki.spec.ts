import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import type { AddressInfo } from 'node:net';
import * as x509 from '@peculiar/x509';
import {
  type AuthorityStore,
  loadSecretKey,
  PkiService,
  seal,
  serviceEngineOf,
  type StoredAuthority,
  unseal,
} from './index.js';

const CLUSTER = 'cluster-6f1f7e0c-0d3a-4b5c-9b8e-5d7d2b9b8a10';

class MemoryStore implements AuthorityStore {
  stored: StoredAuthority | undefined;
  clusterUuid(): Promise<string> {
    return Promise.resolve(CLUSTER);
  }
  load(): Promise<StoredAuthority | undefined> {
    return Promise.resolve(this.stored);
  }
  saveOnce(authority: StoredAuthority): Promise<StoredAuthority> {
    this.stored ??= authority;
    return Promise.resolve(this.stored);
  }
}

async function request(algorithm: EcKeyGenParams | RsaHashedKeyGenParams) {
  const signing = { ...algorithm, hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(signing, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=someone else',
    keys,
    signingAlgorithm: signing,
  });
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    csr: csr.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`,
  };
}
type EcKeyGenParams = { name: 'ECDSA'; namedCurve: string };
type RsaHashedKeyGenParams = {
  name: 'RSASSA-PKCS1-v1_5';
  modulusLength: number;
  publicExponent: Uint8Array<ArrayBuffer>;
};

describe('pki', () => {
  let dir: string;
  const store = new MemoryStore();
  const at = (name: string) => join(dir, name);
  const pki = (life?: number) =>
    new PkiService(store, {
      dir,
      secretKeyFile: at('secret.key'),
      serverNames: ['10.1.2.3', 'controller.example'],
      ...(life === undefined ? {} : { seCertificateLifetime: life }),
    });

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'channel-pki-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('seals and opens, and refuses another key, another context and a changed byte', () => {
    const key = loadSecretKey(at('a.key'));
    const sealed = seal(key, Buffer.from('secret'), 'x');
    expect(unseal(key, sealed, 'x').toString()).toBe('secret');
    expect(statSync(at('a.key')).mode & 0o777).toBe(0o600);
    expect(loadSecretKey(at('a.key'))).toEqual(key);
    expect(() => unseal(loadSecretKey(at('b.key')), sealed, 'x')).toThrow(/secret key file/);
    expect(() => unseal(key, sealed, 'y')).toThrow(/secret key file/);
    sealed[sealed.length - 1]! ^= 1;
    expect(() => unseal(key, sealed, 'x')).toThrow(/secret key file/);
    writeFileSync(at('short.key'), 'AAAA\n');
    expect(() => loadSecretKey(at('short.key'))).toThrow(/3 bytes/);
  });

  it('keeps authority and server certificate over a restart', async () => {
    const first = await pki().serverCertificate();
    const again = await pki().serverCertificate();
    expect(again.certificatePem).toBe(first.certificatePem);
    expect(again.keyPem).toBe(first.keyPem);
    expect(readFileSync(at('ca.pem'), 'utf8')).toBe(first.caPem);
    expect(statSync(at('server.key')).mode & 0o777).toBe(0o600);
    const leaf = new X509Certificate(first.certificatePem);
    for (const ip of ['127.0.0.1', '::1', '10.1.2.3']) expect(leaf.checkIP(ip)).toBeDefined();
    for (const host of ['localhost', 'controller.example']) expect(leaf.checkHost(host)).toBeDefined();
    expect(createHash('sha256').update(new X509Certificate(first.caPem).raw).digest('hex')).toBe(
      await pki().caFingerprint(),
    );
  });

  it('makes a new server certificate when a name is missing in the kept one', async () => {
    const first = await pki().serverCertificate();
    const other = new PkiService(store, {
      dir,
      secretKeyFile: at('secret.key'),
      serverNames: ['new.example'],
    });
    const second = await other.serverCertificate();
    expect(second.certificatePem).not.toBe(first.certificatePem);
    expect(new X509Certificate(second.certificatePem).checkHost('new.example')).toBeDefined();
  });

  it('a replica without the right secret key file says so', async () => {
    await pki().open();
    const lost = new PkiService(store, { dir, secretKeyFile: at('other.key'), serverNames: [] });
    await expect(lost.open()).rejects.toThrow(/secret key file that the cluster was made with/);
  });

  it('gives an SE an identity that node:tls verifies and that names in the request cannot choose', async () => {
    const service = pki(60_000);
    const { csr, key } = await request({ name: 'ECDSA', namedCurve: 'P-256' });
    const signed = await service.signServiceEngine(csr, 'serviceengine-7');
    expect(signed.notAfter.getTime() - Date.now()).toBeLessThanOrEqual(60_000);
    expect(signed.publicKeyFingerprint).toBe(await service.requestFingerprint(csr));
    const server = await service.serverCertificate();
    const seen = await handshake(server, { cert: signed.certificatePem, key, ca: server.caPem });
    expect(seen.authorized).toBe(true);
    expect(serviceEngineOf(seen.peer, CLUSTER)).toBe('serviceengine-7');
    expect(serviceEngineOf(seen.peer, 'cluster-other')).toBeUndefined();
  });

  it('refuses requests that are malformed, tampered with, or of a weak key', async () => {
    const service = pki();
    await expect(service.signServiceEngine('hello', 'serviceengine-7')).rejects.toThrow(/PKCS #10/);
    const weak = await request({
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 1024,
      publicExponent: new Uint8Array([1, 0, 1]),
    });
    await expect(service.signServiceEngine(weak.csr, 'serviceengine-7')).rejects.toThrow(/2048/);
    const { csr } = await request({ name: 'ECDSA', namedCurve: 'P-256' });
    const der = Buffer.from(csr.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64');
    der[der.length - 5]! ^= 0xff;
    const bent = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    await expect(service.signServiceEngine(bent, 'serviceengine-7')).rejects.toThrow(/not signed by the key/);
  });

  it('an outsider gets a client certificate that is no SE', async () => {
    const outsider = await pki().outsiderCertificate();
    expect(new X509Certificate(outsider.certificatePem).subjectAltName).toBe(
      `URI:spiffe://${CLUSTER}/outsider/status-client`,
    );
    expect((await pki().outsiderCertificate()).certificatePem).toBe(outsider.certificatePem);
  });
});

async function handshake(
  server: { certificatePem: string; keyPem: string; caPem: string },
  client: { cert: string; key: string; ca: string },
) {
  const listener = tls.createServer({
    cert: server.certificatePem,
    key: server.keyPem,
    ca: server.caPem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  try {
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const accepted = new Promise<tls.TLSSocket>((resolve, reject) => {
      listener.once('secureConnection', resolve);
      listener.once('tlsClientError', reject);
    });
    const socket = tls.connect({
      port: (listener.address() as AddressInfo).port,
      host: '127.0.0.1',
      ...client,
    });
    const [peer] = await Promise.all([
      accepted,
      new Promise<void>((resolve, reject) => {
        socket.once('secureConnect', resolve);
        socket.once('error', reject);
      }),
    ]);
    const seen = { authorized: peer.authorized, peer: peer.getPeerCertificate() };
    socket.destroy();
    peer.destroy();
    return seen;
  } finally {
    listener.close();
  }
}
