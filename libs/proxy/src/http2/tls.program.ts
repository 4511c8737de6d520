import tls from 'node:tls';
import type { ClientTls } from '@spillway/snapshot';
import { certificate } from '@spillway/testing/certificates';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { closing, GET, Http2Raw, POST, settingsFrame, type Field } from '../suite/http2-client.js';
import { Http2Origin, valueOf } from '../suite/http2-origin.js';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { Rig, type PoolSpec, type ServiceSpec } from '../suite/rig.js';
import { TLS } from '../suite/tls.js';
import { PREFACE } from './protocol.js';

const rig = await Rig.make();
const port = await freePort();
const own = await certificate({ cn: 'test.example' });

async function serve(pool: PoolSpec, service: Partial<ServiceSpec> = {}): Promise<void> {
  rig.secrets = { certificates: [own], ticket_keys: [] };
  await rig.apply(
    [
      {
        ports: [port],
        http2: true,
        tls: { profile: TLS, certificate_uuids: [own.uuid], protocols: ['h2', 'http/1.1'] },
        ...service,
      },
    ],
    { pool },
  );
}

/** What ALPN has chosen, and the connection. */
async function open(offered: string[]): Promise<{ protocol: string; socket: tls.TLSSocket }> {
  const socket = tls.connect({
    port,
    host: '127.0.0.1',
    servername: 'test.example',
    ALPNProtocols: offered,
    rejectUnauthorized: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('error', reject);
  socket.once('secureConnect', resolve);
  await promise;
  return { protocol: String(socket.alpnProtocol), socket };
}

async function http2(): Promise<Http2Raw> {
  const { protocol, socket } = await open(['h2', 'http/1.1']);
  equal(protocol, 'h2', 'what ALPN chose');
  return new Http2Raw(socket).write(PREFACE).write(settingsFrame());
}

const blob = (length: number): Buffer => {
  const b = Buffer.alloc(length);
  for (let i = 0; i < length; i++) b[i] = (i * 7 + (i >> 9)) & 255;
  return b;
};

const toServers: ClientTls = { profile: TLS, sni_enabled: true, server_name: 'test.example' };
const secure: tls.TlsOptions = { cert: own.chain, key: own.private_key, ALPNProtocols: ['h2'] };

const cases: Case[] = [
  {
    name: 'HTTP/2 by ALPN: many streams, large bodies both ways',
    async run() {
      const big = blob(3_000_000);
      const origin = await Origin.start((r) => {
        const body = r.head.includes('/big') ? big : Buffer.from(String(r.body.length));
        r.socket.write(
          Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body]),
        );
      });
      await serve({ servers: [{ port: origin.port }] });
      const c = await http2();
      const ids = Array.from({ length: 50 }, (_, i) => c.request(GET(`/${i}`)));
      const bigs = [c.request(GET('/big')), c.request(GET('/big'))];
      for (const id of ids) equal((await c.response(id)).body.toString(), '0', 'a small body');
      for (const id of bigs) check((await c.response(id)).body.equals(big), 'a large body');
      const up = c.request(POST('/', ['content-length', '60000']), false);
      c.body(up, blob(60_000));
      equal((await c.response(up)).body.toString(), '60000', 'an upload');
      origin.stop();
    },
  },
  {
    name: 'a client that does not know HTTP/2, and a port that does not speak it, get HTTP/1.1',
    async run() {
      const origin = await Origin.start();
      await serve({ servers: [{ port: origin.port }] });
      for (const offered of [['http/1.1'], []]) {
        const { protocol, socket } = await open(offered);
        check(protocol !== 'h2', `${protocol} was chosen`);
        socket.destroy();
      }
      await serve({ servers: [{ port: origin.port }] }, { http2: false });
      const { protocol, socket } = await open(['h2', 'http/1.1']);
      equal(protocol, 'http/1.1', 'what ALPN chose');
      let text = '';
      socket.on('data', (d: Buffer) => (text += d.toString()));
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => text.endsWith('ok'), 'the response');
      socket.destroy();
      origin.stop();
    },
  },
  {
    name: 'HTTP/2 over TLS to servers, trailers through TLS on both sides',
    async run() {
      const origin = await Http2Origin.start(
        ({ connection: s, id, seen }) => {
          s.headers(id, [[':status', '200']], false).body(id, seen.body, false);
          s.headers(id, [['x-scheme', valueOf(seen.blocks[0], ':scheme')!]]);
        },
        [],
        secure,
      );
      await serve({ enable_http2: true, tls: toServers, servers: [{ port: origin.port }] });
      const c = await http2();
      for (let i = 0; i < 20; i++) {
        const id = c.request(POST('/'), false);
        c.body(id, blob(20_000));
        const r = await c.response(id);
        check(r.body.equals(blob(20_000)), 'the body');
        equal(r.blocks[1], [['x-scheme', 'https']] as Field[], 'trailers');
      }
      equal(origin.connections.length, 1, 'connections to the server');
      origin.stop();
    },
  },
  {
    name: 'a server with TLS that speaks HTTP/1 only is told as 502',
    async run() {
      const server = tls.createServer({ cert: own.chain, key: own.private_key }, (s) => {
        s.on('error', () => {});
        s.on('data', () => s.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'));
      });
      const serverPort = await freePort();
      server.listen(serverPort, '127.0.0.1');
      await serve({ enable_http2: true, tls: toServers, servers: [{ port: serverPort }] });
      const c = await http2();
      equal((await c.get('/')).status, 502, 'status');
      server.close();
    },
  },
];

await runCases(closing(cases));
