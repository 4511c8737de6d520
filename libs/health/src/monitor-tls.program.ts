import tls from 'node:tls';
import type { AddressInfo } from 'node:net';
import type { ClientTls, HealthMonitor, MonitorTls, PeerValidation, TlsProfile } from '@spillway/snapshot';
import { certificate, issue, revocations, type Issued } from '@spillway/testing/certificates';
import { checkOnce, contexts } from './testing/once.js';

/** Checks servers with good and bad certificates and prints what each came to; run on Node and on Bun. */
const HOUR = 3_600_000;
const results: Record<string, string> = {};
const servers: tls.Server[] = [];

const PROFILE: TlsProfile = {
  versions: ['TLSv1.2', 'TLSv1.3'],
  ciphers: '',
  ciphersuites: '',
  groups: '',
  signature_algorithms: '',
  prefer_client_cipher_ordering: false,
  send_close_notify: true,
  session_reuse: true,
  session_timeout: 300,
};

async function serve(chain: Issued[], options: tls.TlsOptions = {}): Promise<number> {
  const server = tls.createServer({
    cert: chain.map((c) => c.pem).join(''),
    key: chain[0]!.privateKey,
    ...options,
  });
  servers.push(server);
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      const who = String(socket.getPeerCertificate()?.subject?.CN ?? 'nobody');
      const reused = socket.isSessionReused() ? 'resumed' : 'full';
      socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${who} ${reused}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

interface Asked {
  own?: MonitorTls;
  pool?: ClientTls;
  hostname?: string;
  request?: string;
  wants?: string;
}

async function ask(name: string, port: number, asked: Asked = {}): Promise<void> {
  const monitor: HealthMonitor = {
    uuid: 'healthmonitor-1',
    name: 'm',
    send_interval: 5000,
    receive_timeout: 4000,
    successful_checks: 1,
    failed_checks: 1,
    check: {
      type: 'http',
      request: asked.request ?? 'GET / HTTP/1.1',
      exact_request: false,
      response_codes: ['2xx'],
      tls: asked.own ?? {},
      ...(asked.wants === undefined ? {} : { response_text: asked.wants }),
    },
  };
  const result = await checkOnce(
    monitor,
    { address: '127.0.0.1', port, hostname: asked.hostname ?? '' },
    { pool: asked.pool, certificates: [client] },
  );
  results[name] = result.ok
    ? 'up'
    : `${result.code} ${result.sslCode ?? ''} ${result.text}`.replace('  ', ' ');
}

const ca = await issue({ cn: 'ca', ca: true });
const other = await issue({ cn: 'stranger', ca: true });
const middle = await issue({ cn: 'middle', ca: true, by: ca });
const good = await issue({ cn: 'shop.example', by: ca });
const soon = new Date(Date.UTC(2020, 0, 2, 3, 4, 5));
const old = await issue({ cn: 'old.example', by: ca, notBefore: new Date(0), notAfter: soon });
const late = new Date(Date.UTC(2090, 0, 2, 3, 4, 5));
const early = await issue({
  cn: 'early.example',
  by: ca,
  notBefore: late,
  notAfter: new Date(Date.UTC(2091, 0)),
});
const gone = await issue({ cn: 'gone.example', by: ca });
const foreign = await issue({ cn: 'foreign.example', by: other });
const alone = await issue({ cn: 'alone.example' });
const behind = await issue({ cn: 'behind.example', by: middle });
const client = { ...(await certificate({ cn: 'monitor', by: ca })), uuid: 'client' };

const by = (over: Partial<PeerValidation> = {}): PeerValidation => ({
  trusted: [ca.pem],
  crls: [],
  leaf_crl_only: false,
  ...over,
});
const poolTls = (over: Partial<ClientTls> = {}, host_check = false): ClientTls => ({
  profile: PROFILE,
  sni_enabled: true,
  validation: { ...by(), host_check, domain_names: [] },
  ...over,
});

const goodPort = await serve([good]);
const oldPort = await serve([old]);
await ask('any certificate is accepted', oldPort);
await ask('a good one', goodPort, { own: { validation: by() } });
await ask('a good one, the pool validates', goodPort, { pool: poolTls() });
await ask('expired', oldPort, { pool: poolTls() });
await ask('not valid yet', await serve([early]), { own: { validation: by() } });
await ask('unknown issuer', await serve([foreign]), { own: { validation: by() } });
await ask('self-signed', await serve([alone]), { own: { validation: by() } });
await ask('chain with its middle', await serve([behind, middle]), { own: { validation: by() } });
await ask('chain without its middle', await serve([behind]), { own: { validation: by() } });
await ask('its own validation goes before that of the pool', await serve([foreign]), {
  own: { validation: by({ trusted: [other.pem] }) },
  pool: poolTls(),
});

const gonePort = await serve([gone]);
const crl = await revocations(ca, [gone]);
await ask('revoked', gonePort, { own: { validation: by({ crls: [crl] }) } });
await ask('not revoked', goodPort, { own: { validation: by({ crls: [crl] }) } });
await ask('no list for it', await serve([foreign]), {
  own: { validation: by({ trusted: [ca.pem, other.pem], crls: [crl] }) },
});
const stale = await revocations(ca, [], new Date(Date.now() - HOUR));
await ask('list has expired', goodPort, { own: { validation: by({ crls: [stale] }) } });

await ask('right name', goodPort, { pool: poolTls({}, true), hostname: 'shop.example' });
await ask('wrong name', goodPort, { pool: poolTls({}, true), hostname: 'bank.example' });
await ask('no name', goodPort, { pool: poolTls({}, true) });
await ask('name of the request', goodPort, {
  pool: poolTls({}, true),
  request: 'GET / HTTP/1.1\r\nHost: shop.example',
});
await ask('name of the pool', goodPort, {
  pool: poolTls({ server_name: 'shop.example' }, true),
  hostname: 'x',
});
await ask('name of the monitor', goodPort, { own: { server_name: 'bank.example' }, pool: poolTls({}, true) });

const picky = await serve([good], { requestCert: true, rejectUnauthorized: true, ca: ca.pem });
await ask('client certificate of the pool', picky, {
  pool: poolTls({ certificate_uuid: 'client' }),
  wants: 'monitor full',
});
await ask('client certificate of the monitor', picky, {
  own: { certificate_uuid: 'client' },
  wants: 'monitor full',
});
await ask('no session is resumed', picky, { own: { certificate_uuid: 'client' }, wants: 'monitor full' });
await ask('no client certificate', picky);
results['no client certificate'] = results['no client certificate']!.split(' ')[0]!;
const modern = await serve([good], { minVersion: 'TLSv1.3' });
await ask('no version in common', modern, { own: { profile: { ...PROFILE, versions: ['TLSv1.2'] } } });
results['no version in common'] = results['no version in common']!.split(' ')[0]!;

for (const server of servers) server.close();
await new Promise((resolve) => {
  setTimeout(resolve, 700);
});
results['contexts left'] = String(contexts.size);
console.log(JSON.stringify(results));
process.exit(0);
