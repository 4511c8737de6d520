import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import type { Certificate, ClientTls, ServerTls } from '@spillway/snapshot';
import { VS } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { certificate, issue, type Issued } from '@spillway/testing/certificates';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient, type RawResponse } from '../suite/raw-client.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';
import { sClient, type Seen } from '../suite/s-client.js';
import { TLS } from '../suite/tls.js';

const dir = mkdtempSync(path.join(tmpdir(), 'spillway-tls-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

const [first, second] = [await Rig.make(), await Rig.make()];
const [portA, portB] = [await freePort(), await freePort()];
const origin = await Origin.start(
  (r) => void r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
);

const a = {
  ec: await certificate({ cn: 'a.example' }),
  rsa: await certificate({ cn: 'a.example', type: 'rsa' }),
};
const b = await certificate({ cn: 'b.example', names: ['*.b.example'] });
const all = [a.ec, a.rsa, b];

const key = (): string => randomBytes(80).toString('base64');

const serverTls = (certificates: Certificate[], over: Partial<ServerTls> = {}): ServerTls => ({
  profile: TLS,
  certificate_uuids: certificates.map((c) => c.uuid),
  protocols: ['h2', 'http/1.1'],
  ...over,
});

interface Wanted {
  tls?: Partial<ServerTls>;
  certificates?: Certificate[];
  keys?: string[];
  pool?: PoolSpec;
  service?: Partial<ServiceSpec>;
}

async function serve(rig: Rig, port: number, w: Wanted = {}): Promise<void> {
  const certificates = w.certificates ?? all;
  rig.secrets = { certificates, ticket_keys: [{ virtual_service_uuid: 'vs', keys: w.keys ?? [key()] }] };
  await rig.apply([{ ports: [port], tls: serverTls(certificates, w.tls), ...w.service }], {
    pool: w.pool ?? { servers: [{ port: origin.port }] },
  });
}

const handshakes = (rig: Rig): number => rig.mapping.serviceTotals(0).counters[VS.TLS_HANDSHAKES]!;
const resumed = (rig: Rig): number => rig.mapping.serviceTotals(0).counters[VS.TLS_RESUMED]!;

const session = path.join(dir, 'session.pem');
const file = (name: string, text: string): string => {
  const at = path.join(dir, name);
  writeFileSync(at, text);
  return at;
};
const showing = (who: Issued): string[] => [
  '-cert',
  file('cert.pem', who.pem),
  '-key',
  file('key.pem', who.privateKey),
];
const start = (version: string, port = portA): Promise<Seen> =>
  sClient(port, [version, '-servername', 'a.example', '-sess_out', session]);
const again = (version: string, port = portB): Promise<Seen> =>
  sClient(port, [version, '-servername', 'a.example', '-sess_in', session]);

/** A server that speaks TLS and tells by what name it was asked for, and who the client is. */
class SecureOrigin {
  port = 0;
  connections = 0;
  resumed = 0;
  names: string[] = [];
  private constructor(private readonly server: tls.Server) {}

  static async start(own: Certificate, options: tls.TlsOptions = {}): Promise<SecureOrigin> {
    const server = tls.createServer({ cert: own.chain, key: own.private_key, ...options });
    const made = new SecureOrigin(server);
    server.on('tlsClientError', () => {});
    server.on('secureConnection', (socket) => {
      made.connections++;
      if (socket.isSessionReused()) made.resumed++;
      made.names.push(String((socket as tls.TLSSocket & { servername?: string | false }).servername));
      socket.on('error', () => {});
      socket.on('data', () => {
        const peer = socket.getPeerCertificate();
        const who = String(peer?.subject?.CN ?? 'nobody');
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${who.length}\r\n\r\n${who}`);
      });
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await promise;
    made.port = (server.address() as AddressInfo).port;
    return made;
  }

  stop(): void {
    this.server.close();
  }
}

const ask = async (host: string): Promise<RawResponse> => {
  const c = await RawClient.open(portA);
  const r = await c.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).response();
  c.reset();
  return r;
};

const toServers = (ports: number[], over: Partial<ClientTls> = {}): PoolSpec => ({
  servers: ports.map((port) => ({ port })),
  tls: { profile: TLS, sni_enabled: true, ...over },
});

const reencryption: Case[] = [
  {
    name: 'servers are spoken to with TLS, by the name of the request or of the pool',
    async run() {
      const server = await SecureOrigin.start(a.ec);
      const plain = { service: { tls: undefined } };
      await serve(first, portA, { ...plain, pool: toServers([server.port]) });
      equal((await ask('one.example:80')).status, 200, 'status');
      equal((await ask('two.example')).status, 200, 'status');
      equal((await ask('one.example')).status, 200, 'status');
      equal(server.names, ['one.example', 'two.example'], 'a connection for each name, used again');
      await serve(first, portA, {
        ...plain,
        pool: toServers([server.port], { server_name: 'fixed.example' }),
      });
      await ask('one.example');
      await serve(first, portA, { ...plain, pool: toServers([server.port], { sni_enabled: false }) });
      await ask('one.example');
      equal(server.names.slice(2), ['fixed.example', 'false'], 'names');
      server.stop();
    },
  },
  {
    name: 'servers are validated, and a failure is one of the server',
    async run() {
      const ca = await issue({ cn: 'ca', ca: true });
      const good = await SecureOrigin.start(await certificate({ cn: 'good.example', by: ca }));
      const stranger = await SecureOrigin.start(await certificate({ cn: 'good.example' }));
      const validation = {
        trusted: [ca.pem],
        crls: [],
        leaf_crl_only: false,
        host_check: true,
        domain_names: [] as string[],
      };
      const pool = (port: number, over = {}): PoolSpec =>
        toServers([port], { validation: { ...validation, ...over } });
      const plain = { service: { tls: undefined } };
      await serve(first, portA, { ...plain, pool: pool(good.port) });
      equal((await ask('good.example')).status, 200, 'its name');
      const bad = await ask('bad.example');
      equal(
        [bad.status, bad.body.toString().includes('TLS with the server failed')],
        [502, true],
        'other name',
      );
      equal((await ask('127.0.0.1')).status, 502, 'an address is no name');
      await serve(first, portA, {
        ...plain,
        pool: pool(good.port, { domain_names: ['x.example', 'good.example'] }),
      });
      equal((await ask('bad.example')).status, 200, 'a name of the pool');
      await serve(first, portA, { ...plain, pool: pool(good.port, { host_check: false }) });
      equal((await ask('bad.example')).status, 200, 'no host check');
      await serve(first, portA, { ...plain, pool: pool(stranger.port, { host_check: false }) });
      equal((await ask('good.example')).status, 502, 'a stranger');
      // With another server there, the failure costs the client nothing.
      const both = { ...pool(good.port), servers: [{ port: stranger.port }, { port: good.port }] };
      await serve(first, portA, { ...plain, pool: both });
      for (let i = 0; i < 6; i++) equal((await ask('good.example')).status, 200, `request ${i}`);
      good.stop();
      stranger.stop();
    },
  },
  {
    name: 'the pool shows its certificate, and sessions with servers are resumed',
    async run() {
      const ca = await issue({ cn: 'ca', ca: true });
      const mine = await certificate({ cn: 'engine', by: ca });
      const server = await SecureOrigin.start(a.ec, { requestCert: true, ca: [ca.pem] });
      const pool = toServers([server.port], { certificate_uuid: mine.uuid });
      await serve(first, portA, { certificates: [a.ec, mine], service: { tls: undefined }, pool });
      equal((await ask('x.example')).body.toString(), 'engine', 'who the server saw');
      const sameAgain = { ...pool, max_idle_connections: 0 };
      await serve(first, portA, { certificates: [a.ec, mine], service: { tls: undefined }, pool: sameAgain });
      for (let i = 0; i < 4; i++) equal((await ask('x.example')).status, 200, `request ${i}`);
      check(server.resumed >= 3, `resumed ${server.resumed} of ${server.connections}`);
      server.stop();
    },
  },
  {
    name: 'a server that does not speak TLS is unusable',
    async run() {
      origin.raw = (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
      await serve(first, portA, { service: { tls: undefined }, pool: toServers([origin.port]) });
      equal((await ask('a')).status, 502, 'status');
      origin.raw = null;
    },
  },
];

const cases: Case[] = [
  {
    name: 'the name and what the client can choose the certificate',
    async run() {
      await serve(first, portA);
      for (const version of ['-tls1_2', '-tls1_3']) {
        const sees = (...args: string[]): Promise<Seen> => sClient(portA, [version, ...args]);
        const ec = await sees('-servername', 'A.example', '-sigalgs', 'ECDSA+SHA256:RSA-PSS+SHA256');
        equal([ec.subject, ec.version], ['a.example', version === '-tls1_2' ? 'TLSv1.2' : 'TLSv1.3'], 'EC');
        check(/id-ecPublicKey|ECDSA/.test(ec.output), 'not the EC certificate');
        const rsa = await sees('-servername', 'a.example', '-sigalgs', 'RSA-PSS+SHA256');
        equal(rsa.subject, 'a.example', 'RSA');
        check(/rsaEncryption|RSA-PSS/.test(rsa.output), 'not the RSA certificate');
        equal((await sees('-servername', 'x.b.example')).subject, 'b.example', 'wildcard');
        equal((await sees('-servername', 'x.y.b.example')).subject, 'a.example', 'two labels');
        equal((await sees('-noservername')).subject, 'a.example', 'no name');
        check(ec.response.startsWith('HTTP/1.1 200'), `response ${ec.response}`);
      }
    },
  },
  {
    name: 'the profile decides about versions and suites',
    async run() {
      const profile = { ...TLS, versions: ['TLSv1.2' as const], ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' };
      await serve(first, portA, { tls: { profile } });
      check((await sClient(portA, ['-tls1_3'])).failed, 'TLS 1.3 was taken');
      equal((await sClient(portA, ['-tls1_2'])).cipher, 'ECDHE-ECDSA-AES128-GCM-SHA256', 'suite');
      await serve(first, portA, { tls: { profile: { ...TLS, ciphersuites: 'TLS_AES_128_GCM_SHA256' } } });
      equal((await sClient(portA, ['-tls1_3'])).cipher, 'TLS_AES_128_GCM_SHA256', 'suite of 1.3');
      check(
        (await sClient(portA, ['-tls1_3', '-ciphersuites', 'TLS_AES_256_GCM_SHA384'])).failed,
        'other suite',
      );
      await serve(first, portA, { tls: { profile: { ...TLS, groups: 'P-384' } } });
      check((await sClient(portA, ['-groups', 'X25519'])).failed, 'X25519 was taken');
      equal((await sClient(portA, ['-groups', 'X25519:P-384'])).failed, false, 'a second hello');
    },
  },
  {
    name: 'an application protocol is chosen, or none in common is refused',
    async run() {
      await serve(first, portA);
      equal((await sClient(portA, ['-alpn', 'h2,http/1.1'])).protocol, 'http/1.1', 'chosen');
      check((await sClient(portA, ['-alpn', 'smtp'])).failed, 'smtp was taken');
      check(!(await sClient(portA)).failed, 'no list');
    },
  },
  {
    name: 'sessions are resumed on another worker, and over a rotation of the keys',
    async run() {
      const [k1, k2, k3] = [key(), key(), key()];
      for (const version of ['-tls1_2', '-tls1_3']) {
        await serve(first, portA, { keys: [k1, k3, k2] });
        await serve(second, portB, { keys: [k1, k3, k2] });
        const before = resumed(second);
        check(!(await start(version)).failed, 'first handshake');
        equal((await again(version)).resumed, true, `on another worker with ${version}`);
        equal(resumed(second) - before, 1, 'counted');
        // The second worker has rotated, the first not yet: tickets of both are good on both.
        await serve(second, portB, { keys: [k2, k1, key()] });
        equal((await again(version)).resumed, true, `ticket of the key before, ${version}`);
        await start(version, portB);
        equal((await again(version, portA)).resumed, true, `ticket of the key to come, ${version}`);
        await serve(second, portB, { keys: [key(), key()] });
        equal((await again(version)).resumed, false, `unknown key, ${version}`);
        check(!(await again(version)).failed, 'a full handshake then');
      }
    },
  },
  {
    name: 'no session is resumed where the profile says so, or where other certificates are asked for',
    async run() {
      const keys = [key()];
      await serve(first, portA, { keys });
      await serve(second, portB, { keys, tls: { profile: { ...TLS, session_reuse: false } } });
      await start('-tls1_3');
      equal((await again('-tls1_3')).resumed, false, 'resumed without reuse');
      const ca = await issue({ cn: 'ca', ca: true });
      const validation = { trusted: [ca.pem], crls: [], leaf_crl_only: false };
      await serve(second, portB, { keys, tls: { client_certificate: { mode: 'request', validation } } });
      await start('-tls1_3');
      equal((await again('-tls1_3')).resumed, false, 'resumed around the client certificate');
    },
  },
  {
    name: 'client certificates',
    async run() {
      const ca = await issue({ cn: 'ca', ca: true });
      const good = await issue({ cn: 'client', by: ca });
      const other = await issue({ cn: 'client' });
      const gone = await issue({ cn: 'old', by: ca, notAfter: new Date(Date.now() - 3_600_000) });
      const validation = { trusted: [ca.pem], crls: [], leaf_crl_only: false };
      for (const version of ['-tls1_2', '-tls1_3']) {
        await serve(first, portA, { tls: { client_certificate: { mode: 'require', validation } } });
        check((await sClient(portA, [version])).response === '', 'none was taken');
        check((await sClient(portA, [version, ...showing(other)])).response === '', 'a stranger was taken');
        check(
          (await sClient(portA, [version, ...showing(gone)])).response === '',
          'an expired one was taken',
        );
        const seen = await sClient(portA, [version, ...showing(good)]);
        check(seen.response.startsWith('HTTP/1.1 200'), `refused: ${seen.output}`);
        check(/Acceptable client certificate CA names\s+CN ?= ?ca/.test(seen.output), 'no CA names');
        await serve(first, portA, { tls: { client_certificate: { mode: 'request', validation } } });
        check((await sClient(portA, [version])).response !== '', 'none was refused');
        check((await sClient(portA, [version, ...showing(other)])).response === '', 'a stranger was taken');
      }
    },
  },
  {
    name: 'HTTP on the port of TLS is told so, or reset',
    async run() {
      await serve(first, portA);
      const c = await RawClient.open(portA);
      c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      equal((await c.response()).status, 400, 'status');
      await serve(first, portA, { tls: { reset_plain_http: true } });
      const d = await RawClient.open(portA);
      d.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => d.closed, 'the reset');
    },
  },
  {
    name: 'a new certificate serves new connections, old ones live on',
    async run() {
      await serve(first, portA, { certificates: [a.ec] });
      const open = tls.connect({ port: portA, host: '127.0.0.1', rejectUnauthorized: false });
      open.on('error', () => {});
      let got = '';
      open.on('data', (d: Buffer) => (got += d.toString()));
      open.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => got.endsWith('ok'), 'a response');
      const fresh = await certificate({ cn: 'new.example' });
      await serve(first, portA, { certificates: [fresh] });
      equal((await sClient(portA)).subject, 'new.example', 'new certificate');
      got = '';
      open.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => got.endsWith('ok'), 'a response on the old connection');
      open.destroy();
      const broken = { ...fresh, private_key: a.ec.private_key };
      await serve(first, portA, { certificates: [broken] });
      const status = first.plane.status()[0]!;
      equal([status.state, status.error?.code], ['failed', 'TLS_CONFIG_INVALID'], 'status of a broken one');
      equal((await sClient(portA)).subject, 'new.example', 'the last good one serves');
    },
  },
  {
    name: 'a ClientHello in many pieces, and one that never comes whole',
    async run() {
      await serve(first, portA);
      const { OPENSSL_FULL } = await import('./client-hello.captured.js');
      const hello = Buffer.from(OPENSSL_FULL, 'hex');
      const c = await RawClient.open(portA);
      for (const byte of hello) c.send(Buffer.of(byte));
      await until(() => c.text.length > 100, 'an answer');
      equal(c.text.charCodeAt(0), 22, 'a handshake record');
      const junk = await RawClient.open(portA);
      junk.send(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]));
      await until(() => junk.text.length === 7, 'an alert');
      equal([...Buffer.from(junk.text, 'latin1')], [21, 3, 1, 0, 2, 2, 50], 'decode_error');
      c.reset();
      junk.reset();
    },
  },
];

cases.push(...reencryption);

check(handshakes(first) === 0, 'nothing yet');
await runCases(cases);
