import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ConfigObject, eventually, type Json, run, RunningProcess, Scope } from '@spillway/testing';
import { curl } from '../profile/curl.js';
import { World } from '../support/world.js';
import { Certificates, type Made } from './certificates.js';

jest.setTimeout(180_000);

let scope: Scope;
let world: World;
let port: number;
let ca: Made;
let client: Made;
let ec: ConfigObject;
const files = new Certificates();

const inNetwork = (): object => (world.netns ? { netns: world.netns } : {});
const path = (url: string): string => new URL(url).pathname;

const store = (name: string, made: Made): Promise<ConfigObject> =>
  world.api.post('/api/sslkeyandcertificate', {
    name,
    type: 'SSL_CERTIFICATE_TYPE_VIRTUALSERVICE',
    key: made.key,
    certificate: { certificate: made.certificate },
  });

beforeAll(async () => {
  scope = new Scope('tls');
  world = await World.create(scope, { serviceEngines: 2, drainSeconds: 3 });
  port = world.port + 1;
  ca = await files.make('ca.example', { ca: true });
  client = await files.make('client.example', { by: ca });
  ec = await store('a-ec', await files.make('a.example', { by: ca }));
  const rsa = await store('a-rsa', await files.make('a.example', { type: 'rsa' }));
  const other = await store('b', await files.make('b.example'));
  const profile = await world.api.post('/api/sslprofile', {
    name: 'modern',
    accepted_versions: [{ type: 'SSL_VERSION_TLS1_2' }, { type: 'SSL_VERSION_TLS1_3' }],
    accepted_ciphers: 'ECDHE+AESGCM',
  });
  await vs({
    services: [{ port: world.port }, { port, enable_ssl: true }],
    ssl_key_and_certificate_refs: [ec.url, rsa.url, other.url],
    ssl_profile_ref: profile.url,
  });
  await eventually(async () => !(await sClient()).failed, { within: 10_000, every: 50, what: 'TLS' });
});
afterAll(async () => scope?.close());

const vs = (change: Json): Promise<ConfigObject> =>
  world.api.patch(`/api/virtualservice/${world.vs.uuid}`, { replace: change });

interface Seen {
  subject: string;
  version: string;
  resumed: boolean;
  failed: boolean;
  output: string;
}

/** `openssl s_client` from where the clients are; asks for one response. */
async function sClient(...args: string[]): Promise<Seen> {
  const named = args.some((a) => /^-(no)?servername$/.test(a)) ? [] : ['-servername', 'a.example'];
  const { stdout, stderr } = await run(
    'openssl',
    ['s_client', '-connect', `${world.vip4}:${port}`, '-ign_eof', ...named, ...args],
    { ...inNetwork(), check: false, input: 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n' },
  );
  const output = stdout + stderr;
  return {
    subject: /subject=CN ?= ?(\S+)/.exec(output)?.[1] ?? '',
    version: /^(?:New|Reused), (TLSv[\d.]+)/m.exec(output)?.[1] ?? '',
    resumed: /^Reused, /m.test(output),
    failed: !output.includes('HTTP/1.1 200'),
    output,
  };
}

async function looper(): Promise<() => Promise<{ requests: number; resumed: number; failures: string[] }>> {
  const program = fileURLToPath(new URL('./looper.program.js', import.meta.url));
  const running = await RunningProcess.start(
    scope,
    process.execPath,
    [program, world.vip4, String(port), '4'],
    {
      name: 'TLS clients',
      ...inNetwork(),
    },
  );
  await running.waitForOutput(/looping/);
  return async () => {
    running.signal('SIGTERM');
    const [line] = await running.waitForOutput(/^\{.*\}$/m, 15_000);
    return JSON.parse(line) as { requests: number; resumed: number; failures: string[] };
  };
}

describe('TLS, from the API to traffic', () => {
  it('serves the certificate of the name that the client can take', () =>
    world.instance.watched(async () => {
      for (const version of ['-tls1_2', '-tls1_3']) {
        const seen = await sClient(version, '-sigalgs', 'ECDSA+SHA256:RSA-PSS+SHA256');
        expect(seen).toMatchObject({ subject: 'a.example', failed: false });
        expect(seen.version).toBe(version === '-tls1_2' ? 'TLSv1.2' : 'TLSv1.3');
        expect(seen.output).toMatch(/Peer signature type: ECDSA/);
        expect((await sClient(version, '-sigalgs', 'RSA-PSS+SHA256')).output).toMatch(
          /Peer signature type: RSA-PSS/,
        );
        expect(await sClient(version, '-servername', 'b.example')).toMatchObject({ subject: 'b.example' });
        expect(await sClient(version, '-servername', 'c.example')).toMatchObject({ subject: 'a.example' });
      }
      expect((await sClient('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0')).failed).toBe(true);
      const http = await curl(world, `http://${world.vip4}:${port}/`);
      expect(http).toMatchObject({ status: 400, body: expect.stringContaining('https') });
      const over = `https://a.example:${port}/`;
      const named = ['--resolve', `a.example:${port}:${world.vip4}`, '--cacert', ca.certificateFile];
      expect(await curl(world, over, ...named, '--http1.1')).toMatchObject({ status: 200 });
    }));

  it('scales out under TLS without a failed request, and resumes sessions on both SEs over a rotation', () =>
    world.instance.watched(async () => {
      const stop = await looper();
      await world.act('scaleout');
      await world.placedOn(2);
      const session = files.file('session.pem');
      const again = async (version: string, times: number): Promise<number> => {
        const all = await Promise.all(
          Array.from({ length: times }, () => sClient(version, '-sess_in', session)),
        );
        expect(all.filter((s) => s.failed)).toEqual([]);
        return all.filter((s) => s.resumed).length;
      };
      for (const version of ['-tls1_2', '-tls1_3']) {
        expect((await sClient(version, '-sess_out', session)).failed).toBe(false);
        // Each connection meets any worker of either SE.
        expect(await again(version, 16)).toBe(16);
        await world.api.post(`/api/virtualservice/${world.vs.uuid}/rotatekeys`, { vip_id: '0' });
        expect(await again(version, 16)).toBe(16);
        await world.api.post(`/api/virtualservice/${world.vs.uuid}/rotatekeys`, { vip_id: '0' });
        await eventually(async () => (await again(version, 8)) === 0, {
          within: 10_000,
          every: 50,
          what: 'the oldest keys to be forgotten',
        });
      }
      await world.act('scalein');
      const report = await stop();
      expect(report.failures).toEqual([]);
      expect(report.requests).toBeGreaterThan(100);
      expect(report.resumed).toBeGreaterThan(10);
    }));

  it('replaces a certificate under load without a failed request', () =>
    world.instance.watched(async () => {
      const stop = await looper();
      const names = ['one.example', 'two.example', 'three.example'];
      for (const name of names) {
        const made = await files.make(name, { by: ca });
        const now = await world.api.get<ConfigObject>(path(ec.url));
        await world.api.put(path(ec.url), {
          ...now,
          key: made.key,
          certificate: { certificate: made.certificate },
        });
        await eventually(async () => (await sClient('-noservername')).subject === name, {
          within: 10_000,
          every: 20,
          what: `the certificate of ${name}`,
        });
      }
      const report = await stop();
      expect(report.failures).toEqual([]);
      const back = await files.make('a.example', { by: ca });
      await world.api.patch(path(ec.url), {
        replace: { key: back.key, certificate: { certificate: back.certificate } },
      });
      await eventually(async () => (await sClient()).subject === 'a.example', {
        within: 10_000,
        every: 20,
        what: 'the first name',
      });
    }));

  it('asks for client certificates', () =>
    world.instance.watched(async () => {
      const pki = await world.api.post('/api/pkiprofile', {
        name: 'clients',
        crl_check: false,
        ca_certs: [{ certificate: ca.certificate }],
      });
      const profile = await world.api.post('/api/applicationprofile', {
        name: 'mutual',
        type: 'APPLICATION_PROFILE_TYPE_HTTP',
        http_profile: {
          ssl_client_certificate_mode: 'SSL_CLIENT_CERTIFICATE_REQUIRE',
          pki_profile_ref: pki.url,
        },
      });
      const before = await world.api.get(`/api/virtualservice/${world.vs.uuid}`);
      await vs({ application_profile_ref: profile.url });
      await eventually(async () => (await sClient()).failed, {
        within: 10_000,
        every: 20,
        what: 'a refusal',
      });
      const shown = ['-cert', client.certificateFile, '-key', client.keyFile];
      expect((await sClient(...shown)).failed).toBe(false);
      const stranger = await files.make('stranger.example');
      const wrong = ['-cert', stranger.certificateFile, '-key', stranger.keyFile];
      expect((await sClient(...wrong)).failed).toBe(true);
      await vs({ application_profile_ref: before['application_profile_ref'] });
      await eventually(async () => !(await sClient()).failed, { within: 10_000, every: 20, what: 'anybody' });
    }));

  it('speaks TLS to servers, and refuses those that are not who they should be', () =>
    world.instance.watched(async () => {
      const [profile, pki] = await Promise.all([
        world.api.find('sslprofile', 'modern'),
        world.api.find('pkiprofile', 'clients'),
      ]);
      // The servers are the virtual service itself, on its port with TLS.
      const pool = await world.api.post('/api/pool', {
        name: 'secure',
        servers: [{ ip: { addr: world.vip4, type: 'V4' }, port }],
        ssl_profile_ref: profile.url,
        pki_profile_ref: pki.url,
        host_check_enabled: true,
        server_name: 'a.example',
      });
      const plain = port + 1;
      await world.api.post('/api/virtualservice', {
        name: 'front',
        services: [{ port: plain }],
        pool_ref: pool.url,
        vsvip_ref: world.vsvip.url,
      });
      const status = (): Promise<number> =>
        curl(world, `http://${world.vip4}:${plain}/`).then(
          (r) => r.status,
          () => 0,
        );
      const becomes = (wanted: number): Promise<unknown> =>
        eventually(async () => (await status()) === wanted, {
          within: 15_000,
          every: 50,
          what: `status ${wanted}`,
        });
      await becomes(200);
      await world.api.patch(path(pool.url), { replace: { domain_name: ['else.example'] } });
      await becomes(502);
      await world.api.patch(path(pool.url), { replace: { host_check_enabled: false } });
      await becomes(200);
      await world.api.patch(path(pool.url), { replace: { server_name: 'b.example' } });
      await becomes(502); // b.example's certificate is by nobody who is trusted
    }));

  it('staples what the responder says of a certificate', () =>
    world.instance.watched(async () => {
      const responder = port + 9;
      const made = await files.make('ocsp.example', { by: ca, ocsp: `http://127.0.0.1:${responder}/` });
      const { serialNumber } = new X509Certificate(made.certificate);
      const index = files.file('index');
      writeFileSync(index, `V\t361101000000Z\t\t${serialNumber}\tunknown\t/CN=ocsp.example\n`);
      const signer = ['-CA', ca.certificateFile, '-rsigner', ca.certificateFile, '-rkey', ca.keyFile];
      const serve = ['-port', String(responder), '-index', index, ...signer, '-ndays', '1'];
      await RunningProcess.start(scope, 'openssl', ['ocsp', ...serve], { name: 'responder', ...inNetwork() });
      const stapled = await world.api.post('/api/sslkeyandcertificate', {
        name: 'ocsp',
        type: 'SSL_CERTIFICATE_TYPE_VIRTUALSERVICE',
        enable_ocsp_stapling: true,
        key: made.key,
        certificate: { certificate: made.certificate + ca.certificate },
      });
      const now = await world.api.get<{ ssl_key_and_certificate_refs: string[] }>(
        `/api/virtualservice/${world.vs.uuid}`,
      );
      await vs({ ssl_key_and_certificate_refs: [...now.ssl_key_and_certificate_refs, stapled.url] });
      await eventually(
        async () =>
          /OCSP Response Status: successful/.test(
            (await sClient('-servername', 'ocsp.example', '-status')).output,
          ),
        { within: 20_000, every: 100, what: 'a stapled response' },
      );
      expect((await sClient('-status')).output).toContain('OCSP response: no response sent');
    }));

  it('says what is wrong with a certificate, and shows no key', () =>
    world.instance.watched(async () => {
      const [one, two] = [await files.make('x.example'), await files.make('y.example')];
      const refused = store('mismatched', { ...one, key: two.key });
      await expect(refused).rejects.toThrow(/does not belong to the certificate/);
      const text = JSON.stringify(await world.api.get(path(ec.url)));
      expect(text).not.toContain('PRIVATE KEY');
      const bare = world.api.post('/api/virtualservice', {
        name: 'bare',
        services: [{ port: port + 2, enable_ssl: true }],
        pool_ref: world.pool.url,
        vsvip_ref: world.vsvip.url,
      });
      await expect(bare).rejects.toThrow(/there is no certificate/);
    }));
});
