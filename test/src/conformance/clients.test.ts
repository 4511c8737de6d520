import http from 'node:http';
import http2 from 'node:http2';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { freePorts, repository, run, Scope } from '@spillway/testing';
import { Engine } from '../engine/engine.js';
import { buildSnapshot } from '../engine/snapshot.js';
import { Certificates, type Made } from '../tls/certificates.js';
import { hasProgram } from './programs.js';

jest.setTimeout(60_000);

const scope = new Scope('clients');
const BODY = 'b'.repeat(100_000);
let url = '';
/** The same over TLS, and the certificate that is to be trusted. */
let secure = '';
let trusted: Made;

const TLS = {
  versions: ['TLSv1.2', 'TLSv1.3'] as ('TLSv1.2' | 'TLSv1.3')[],
  ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  ciphersuites: 'TLS_AES_128_GCM_SHA256',
  groups: '',
  signature_algorithms: '',
  prefer_client_cipher_ordering: false,
  send_close_notify: true,
  session_reuse: true,
  session_timeout: 300,
};

/** Says what it got: the body of a request is that of its response. */
async function startEcho(): Promise<number> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (request.url !== '/chunked') response.setHeader('Content-Length', body.length);
      response.write(body);
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  scope.defer('echo', () => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  const [port, tlsPort] = await freePorts(2);
  url = `http://127.0.0.1:${port}`;
  secure = `https://localhost:${tlsPort}`;
  trusted = await new Certificates().make('localhost');
  const snapshot = buildSnapshot({
    services: [
      {
        name: 'clients',
        vips: ['127.0.0.1'],
        ports: [port!, tlsPort!],
        servers: [{ address: '127.0.0.1', port: await startEcho() }],
        monitored: false,
      },
    ],
  });
  const vs = snapshot.virtual_services[0]!;
  for (const service of vs.services) service.enable_http2 = true;
  vs.services[1]!.enable_ssl = true;
  vs.tls = { profile: TLS, certificate_uuids: ['certificate-1'], protocols: ['h2', 'http/1.1'] };
  snapshot.certificates = [
    {
      uuid: 'certificate-1',
      name: 'localhost',
      names: ['localhost'],
      key_type: 'ec',
      chain: trusted.certificate,
      private_key: trusted.key,
    },
  ];
  await Engine.start(scope, snapshot, { workers: 1 });
});
afterAll(async () => await scope.close());

describe("Node's clients", () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  afterAll(() => agent.destroy());

  const ask = (method: string, headers: http.OutgoingHttpHeaders, body: string): Promise<[number, number]> =>
    new Promise((resolve, reject) => {
      const request = http.request(`${url}/chunked`, { method, headers, agent }, (response) => {
        let length = 0;
        response.on('data', (chunk: Buffer) => (length += chunk.length));
        response.on('end', () => resolve([response.statusCode ?? 0, length]));
        response.on('error', reject);
      });
      request.on('error', reject);
      if (headers['Expect'] === undefined) request.end(body);
      else request.once('continue', () => request.end(body));
    });

  test('node:http, kept alive, with and without length, with 100-continue', async () => {
    expect(await ask('POST', { 'Content-Length': BODY.length }, BODY)).toEqual([200, BODY.length]);
    expect(await ask('POST', { 'Transfer-Encoding': 'chunked' }, BODY)).toEqual([200, BODY.length]);
    expect(await ask('POST', { Expect: '100-continue' }, BODY)).toEqual([200, BODY.length]);
    expect(await ask('HEAD', {}, '')).toEqual([200, 0]);
  });

  test('fetch', async () => {
    const response = await fetch(`${url}/echo`, { method: 'POST', body: BODY });
    expect([response.status, (await response.text()).length]).toEqual([200, BODY.length]);
    await Promise.all(Array.from({ length: 50 }, async () => await (await fetch(`${url}/echo`)).text()));
  });

  test('node:http2 with prior knowledge, 100 streams at once', async () => {
    const session = http2.connect(url);
    const lengths = await Promise.all(
      Array.from(
        { length: 100 },
        (_, i) =>
          new Promise<[unknown, number]>((resolve, reject) => {
            const stream = session.request({
              ':method': 'POST',
              ':path': i % 2 === 0 ? '/echo' : '/chunked',
            });
            let status: unknown;
            let length = 0;
            stream.on('response', (headers) => (status = headers[':status']));
            stream.on('data', (chunk: Buffer) => (length += chunk.length));
            stream.on('end', () => resolve([status, length]));
            stream.on('error', reject);
            stream.end(BODY.slice(0, i * 1000));
          }),
      ),
    );
    session.close();
    expect(lengths).toEqual(Array.from({ length: 100 }, (_, i) => [200, i * 1000]));
  });
});

const curl = async (...args: string[]): Promise<string> =>
  (await run('curl', ['-sS', '--max-time', '20', ...args], { input: BODY })).stdout;

const load = async (...args: string[]): Promise<string> => (await run('h2load', args)).stdout;

(hasProgram('curl') ? describe : describe.skip)('curl', () => {
  const FACTS = ['-o', '/dev/null', '-w', '%{http_code} %{http_version} %{size_download} %{num_connects}\n'];

  test.each([
    ['HTTP/1.0', '--http1.0', '1.1'],
    ['HTTP/1.1', '--http1.1', '1.1'],
    ['HTTP/2 with prior knowledge', '--http2-prior-knowledge', '2'],
  ])('%s: GET, POST with a length', async (_, flag, version) => {
    expect(await curl(flag, ...FACTS, `${url}/echo`)).toBe(`200 ${version} 0 1\n`);
    expect(await curl(flag, ...FACTS, '--data-binary', '@-', `${url}/echo`)).toBe(
      `200 ${version} ${BODY.length} 1\n`,
    );
  });

  test.each(['--http1.1', '--http2-prior-knowledge'])('%s: an upload of unknown length', async (flag) => {
    expect(await curl(flag, ...FACTS, '-T', '-', `${url}/chunked`)).toMatch(
      new RegExp(`^200 \\S+ ${BODY.length} 1\n$`),
    );
  });

  test('two requests on one connection, the second one on the same', async () => {
    expect(await curl(...FACTS, `${url}/echo`, '--next', ...FACTS, '-sS', `${url}/echo`)).toBe(
      '200 1.1 0 1\n200 1.1 0 0\n',
    );
  });

  describe.each(['1.2', '1.3'])('TLS %s', (tls) => {
    test.each([
      ['--http1.1', '1.1'],
      ['--http2', '2'],
    ])('%s, chosen by ALPN: a body both ways', async (flag, version) => {
      const over = [flag, `--tlsv${tls}`, '--tls-max', tls, '--cacert', trusted.certificateFile];
      expect(await curl(...over, ...FACTS, '--data-binary', '@-', `${secure}/echo`)).toBe(
        `200 ${version} ${BODY.length} 1\n`,
      );
    });
  });

  test('TLS 1.1 is refused', async () => {
    const over = ['--tlsv1.1', '--tls-max', '1.1', '--ciphers', 'ALL:@SECLEVEL=0', '-k'];
    await expect(curl(...over, ...FACTS, `${secure}/echo`)).rejects.toThrow(/exit code 35/);
  });

  test('an upgrade to h2c is declined, and the request served', async () => {
    expect(await curl('--http2', ...FACTS, `${url}/echo`)).toBe('200 1.1 0 1\n');
  });
});

(hasProgram('h2load') ? describe : describe.skip)('h2load', () => {
  test.each([
    ['HTTP/2', ['-p', 'h2c', '-m', '20']],
    ['HTTP/1.1', ['--h1', '-m', '4']],
    ['HTTP/2 over TLS', ['-m', '20']],
  ])('%s: 5,000 requests, none fails', async (name, flags) => {
    const report = await load(
      '-n',
      '5000',
      '-c',
      '10',
      ...flags,
      `${name.endsWith('TLS') ? secure : url}/echo`,
    );
    expect(report).toContain(
      '5000 total, 5000 started, 5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout',
    );
    expect(report).toContain('5000 2xx, 0 3xx, 0 4xx, 0 5xx');
  });
});

describe("Python's clients", () => {
  test('http.client, and requests and httpx where they are installed', async () => {
    const script = join(repository, 'test/src/conformance/clients.py');
    const { stdout } = await run('/usr/bin/python3', [script, url, 'h2']);
    const facts = JSON.parse(stdout) as Record<string, unknown>;
    expect(facts).toMatchObject({
      'http.client get': [200, 0],
      'http.client length': [200, 100_000],
      'http.client chunked': [200, 100_000],
      'http.client head': [200, 0],
    });
    const { requests = null, 'httpx h2': httpx = null } = facts;
    expect([null, '[[200,0],[200,100000]]']).toContain(requests === null ? null : JSON.stringify(requests));
    expect([null, '[[200,0,"HTTP/2"],[200,100000,"HTTP/2"]]']).toContain(
      httpx === null ? null : JSON.stringify(httpx),
    );
  });
});
