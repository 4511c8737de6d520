import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ConfigObject, eventually, freePort, type Json, RunningProcess, Scope } from '@spillway/testing';
import { type Issued, issue, revocations } from '@spillway/testing/certificates';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { curl } from '../profile/curl.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
let pool: ConfigObject;
let vs: ConfigObject;
let ca: Issued;
let pki: ConfigObject;
let profile: ConfigObject;
const files = mkdtempSync(path.join(tmpdir(), 'spillway-monitor-tls-'));

/** A web server behind TLS: of OpenSSL, so that nobody can say that both ends are ours. */
class SecureServer {
  private constructor(readonly port: number) {}

  static async start(own: Issued, more: string[] = []): Promise<SecureServer> {
    const port = await freePort();
    const name = path.join(files, String(port));
    writeFileSync(`${name}.pem`, own.pem);
    writeFileSync(`${name}.key`, own.privateKey);
    const running = await RunningProcess.start(
      scope,
      'openssl',
      [
        's_server',
        '-accept',
        `127.0.0.1:${port}`,
        '-cert',
        `${name}.pem`,
        '-key',
        `${name}.key`,
        '-www',
        ...more,
      ],
      { name: `server ${port}`, ...inNetwork() },
    );
    await running.waitForOutput(/ACCEPT/);
    return new SecureServer(port);
  }
}

const inNetwork = (): object => (world.netns ? { netns: world.netns } : {});
const edit = (object: ConfigObject, replace: Json, remove: Json = {}): Promise<ConfigObject> =>
  world.api.patch(`/api/${object.uuid.slice(0, object.uuid.indexOf('-'))}/${object.uuid}`, {
    replace,
    delete: remove,
  });

interface Said {
  se_name: string;
  state: string;
  failure_code: string;
  failure_text: string;
  ssl_error_code?: string;
}

const said = async (): Promise<Said[]> => {
  const found = await world.api.get<{ results: { health_monitor: Said[] }[] }>(
    `/api/pool/${pool.uuid}/runtime/server/detail`,
  );
  return found.results.flatMap((s) => s.health_monitor);
};

/** Waits until both SEs say so of the only server. */
const both = (wanted: Partial<Said>): Promise<Said[]> =>
  eventually(
    async () => {
      const found = await said();
      const is = found.filter((s) => Object.entries(wanted).every(([k, v]) => s[k as keyof Said] === v));
      return (is.length === 2 && found) || Promise.reject(new Error(JSON.stringify(found)));
    },
    { within: 20_000, every: 50, what: JSON.stringify(wanted) },
  );

/** Status of a request through the virtual service. */
const status = async (): Promise<number> =>
  (await curl(world, `http://${world.vip4}:${world.port + 1}/`)).status;

beforeAll(async () => {
  scope = new Scope('monitor-tls');
  world = await World.create(scope, { serviceEngines: 2, monitored: false });
  ca = await issue({ cn: 'ca', ca: true });
  const { api } = world;
  profile = await api.post('/api/sslprofile', {
    name: 'modern',
    accepted_versions: [{ type: 'SSL_VERSION_TLS1_2' }, { type: 'SSL_VERSION_TLS1_3' }],
  });
  pki = await api.post('/api/pkiprofile', {
    name: 'inside',
    ca_certs: [{ certificate: ca.pem }],
    crl_check: true,
    crls: [{ body: await revocations(ca) }],
    validate_only_leaf_crl: true,
  });
  const monitor = await api.post('/api/healthmonitor', {
    name: 'secure',
    type: 'HEALTH_MONITOR_HTTPS',
    send_interval: 2,
    receive_timeout: 1,
    successful_checks: 1,
    failed_checks: 1,
    https_monitor: { http_request: 'GET / HTTP/1.0' },
  });
  pool = await api.post('/api/pool', {
    name: 'secure',
    connection_ramp_duration: 0,
    ssl_profile_ref: profile.url,
    health_monitor_refs: [monitor.url],
    servers: [{ ip: { addr: '127.0.0.1', type: 'V4' }, port: 1 }],
  });
  vs = await api.post('/api/virtualservice', {
    name: 'secure',
    services: [{ port: world.port + 1 }],
    pool_ref: pool.url,
    vsvip_ref: world.vsvip.url,
  });
  await eventually(() => api.post(`/api/virtualservice/${vs.uuid}/scaleout`, { vip_id: '0' }), {
    within: 20_000,
    every: 100,
    what: 'the virtual service to be placed, and to be scaled out',
  });
  await both({ failure_code: 'CONNECTION_REFUSED' });
});
afterAll(async () => scope?.close());

/** The pool's only server is this one from now on. */
const serveBy = (server: SecureServer, host = ''): Promise<ConfigObject> =>
  edit(pool, {
    servers: [{ ip: { addr: '127.0.0.1', type: 'V4' }, port: server.port, ...(host && { hostname: host }) }],
  });

const expired = (): Promise<Issued> =>
  issue({ cn: 'old.example', by: ca, notBefore: new Date(0), notAfter: new Date(Date.UTC(2020, 0, 2)) });

describe('TLS to servers', () => {
  it('takes any certificate without a PKI profile, by monitors and by traffic', () =>
    world.instance.watched(async () => {
      await serveBy(await SecureServer.start(await expired()));
      await both({ state: 'OPER_UP' });
      expect(await status()).toBe(200);
    }));

  it('takes a good certificate only with one, and names what is wrong with others', () =>
    world.instance.watched(async () => {
      await edit(pool, { pki_profile_ref: pki.url });
      await both({
        state: 'OPER_DOWN',
        failure_code: 'SSL_CERT_ERROR',
        ssl_error_code: 'ADF_X509_SERVER_CERTIFICATE_EXPIRED',
        failure_text: 'certificate CN=old.example has expired on 2020-01-02T00:00:00.000Z',
      });
      await expect(status()).rejects.toThrow(/reset by peer/);
      const good = await SecureServer.start(await issue({ cn: 'shop.example', by: ca }));
      await serveBy(good);
      await both({ state: 'OPER_UP' });
      expect(await status()).toBe(200);
      await serveBy(await SecureServer.start(await issue({ cn: 'foreign.example' })));
      await both({ ssl_error_code: 'ADF_X509_SERVER_CERTIFICATE_CHAINING_ERROR' });
      await eventually(
        async () => {
          const events = await world.api.get<object>(
            '/api/analytics/logs?type=2&page_size=200&filter=eq(event_id,SERVER_DOWN)',
          );
          const text = JSON.stringify(events);
          return (
            text.includes('certificate CN=foreign.example is self-signed') || Promise.reject(new Error(text))
          );
        },
        { within: 10_000, every: 100, what: 'an event that names the certificate' },
      );
      await serveBy(good);
      await both({ state: 'OPER_UP' });
    }));

  it('checks the name of the server where the pool says so', () =>
    world.instance.watched(async () => {
      const server = await SecureServer.start(await issue({ cn: 'shop.example', by: ca }));
      await edit(pool, { host_check_enabled: true, server_name: 'bank.example' });
      await serveBy(server);
      const [one] = await both({ ssl_error_code: 'ADF_X509_SERVER_CERTIFICATE_HOSTNAME_ERROR' });
      expect(one?.failure_text).toBe('certificate CN=shop.example is for shop.example, not for bank.example');
      await edit(pool, { server_name: 'shop.example' });
      await both({ state: 'OPER_UP' });
      expect(await status()).toBe(200);
      await edit(pool, { host_check_enabled: false });
    }));

  it('refuses a certificate that was revoked', () =>
    world.instance.watched(async () => {
      const gone = await issue({ cn: 'gone.example', by: ca });
      await serveBy(await SecureServer.start(gone));
      await both({ state: 'OPER_UP' });
      await edit(pki, { crls: [{ body: await revocations(ca, [gone]) }] });
      await both({
        ssl_error_code: 'ADF_X509_SERVER_CERTIFICATE_REVOKED',
        failure_text: 'certificate CN=gone.example has been revoked by CN=ca',
      });
      await expect(status()).rejects.toThrow(/reset by peer/);
    }));

  it('shows its client certificate, in checks and in traffic', () =>
    world.instance.watched(async () => {
      const authority = path.join(files, 'ca.pem');
      writeFileSync(authority, ca.pem);
      const own = await issue({ cn: 'shop.example', by: ca });
      await serveBy(
        await SecureServer.start(own, ['-Verify', '1', '-verify_return_error', '-CAfile', authority]),
      );
      await both({ state: 'OPER_DOWN', failure_code: 'SSL_ERROR' });
      const client = await issue({ cn: 'engine', by: ca });
      const stored = await world.api.post('/api/sslkeyandcertificate', {
        name: 'engine',
        type: 'SSL_CERTIFICATE_TYPE_VIRTUALSERVICE',
        key: client.privateKey,
        certificate: { certificate: client.pem },
      });
      await edit(pool, { ssl_key_and_certificate_ref: stored.url });
      await both({ state: 'OPER_UP' });
      expect(await status()).toBe(200);
    }));

  it('lets a monitor ask for something else than its pool', () =>
    world.instance.watched(async () => {
      const other = await issue({ cn: 'stranger', ca: true });
      const strict = await world.api.post('/api/pkiprofile', {
        name: 'strict',
        ca_certs: [{ certificate: other.pem }],
      });
      const monitor = await world.api.find('healthmonitor', 'secure');
      await edit(monitor, {
        https_monitor: {
          http_request: 'GET / HTTP/1.0',
          ssl_attributes: { ssl_profile_ref: profile.url, pki_profile_ref: strict.url },
        },
      });
      const [one] = await both({ failure_code: 'SSL_CERT_ERROR' });
      expect(one?.failure_text).toContain('which the PKI profile does not trust');
    }));
});
