import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { freeLoopback, freePorts, Scope } from '@spillway/testing';
import { WebSocket, WebSocketServer } from 'ws';
import { Engine } from '../engine/engine.js';
import { buildSnapshot } from '../engine/snapshot.js';

jest.setTimeout(60_000);

/** What `ws` does over a stream that somebody else has opened; its types leave that out. */
interface Inner {
  _isServer: boolean;
  setSocket(socket: Duplex, head: Buffer, options: object): void;
}

function over(stream: Duplex, role: 'client' | 'server'): WebSocket {
  const socket = new WebSocket(null as unknown as string, undefined, { autoPong: true });
  const inner = socket as unknown as Inner;
  inner._isServer = role === 'server';
  // Streams of HTTP/2 have no Nagle; ws asks for it to be off.
  Object.assign(stream, { setNoDelay() {}, setTimeout() {} });
  inner.setSocket(stream, Buffer.alloc(0), {
    allowSynchronousEvents: true,
    maxPayload: 0,
    skipUTF8Validation: false,
  });
  return socket;
}

/** What is still open when a test ends is cut, which is no failure. */
const ignored = (): void => {};

function echo(socket: WebSocket): void {
  socket.on('error', ignored);
  socket.on('message', (data: Buffer, binary: boolean) => {
    if (data.toString() === 'close') socket.close(4001, 'as you wish');
    else socket.send(data, { binary });
  });
}

let scope: Scope;
let h1: http.Server;
let h2: http2.Http2Server;
let vip: string;
let ports: number[];
const heads: http.IncomingMessage[] = [];
const listening = (server: http.Server | http2.Http2Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

beforeAll(async () => {
  scope = new Scope('websocket');
  h1 = http.createServer((_request, response) => response.end('not a WebSocket'));
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered].at(-1) ?? false,
  });
  h1.on('upgrade', (request, socket, head) => {
    heads.push(request);
    socket.on('error', ignored);
    if (request.url === '/no') socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    else if (request.url === '/wrong')
      socket.end(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: bm90IHRoaXMgb25l\r\n\r\n',
      );
    else if (request.url === '/ignored') socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    else sockets.handleUpgrade(request, socket, head, echo);
  });
  h2 = http2.createServer({ settings: { enableConnectProtocol: true } });
  h2.on('sessionError', ignored);
  h2.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
    stream.on('error', ignored);
    if (headers[':method'] !== 'CONNECT') {
      stream.respond({ ':status': 404 }, { endStream: true });
      return;
    }
    stream.respond({ ':status': 200, 'sec-websocket-protocol': 'two' });
    echo(over(stream, 'server'));
  });
  const servers = [await listening(h1), await listening(h2)];
  vip = freeLoopback();
  ports = await freePorts(3, vip);
  const snapshot = buildSnapshot({
    services: ['h1', 'h2', 'off'].map((name, i) => ({
      name,
      vips: [vip],
      ports: [ports[i]!],
      servers: [{ address: '127.0.0.1', port: servers[i] ?? servers[0]! }],
      monitored: false,
    })),
  });
  for (const vs of snapshot.virtual_services) vs.services[0]!.enable_http2 = true;
  snapshot.pools[1]!.enable_http2 = true;
  const { application } = snapshot.virtual_services[2]!;
  if (application.type === 'http') application.http = { ...application.http, websockets_enabled: false };
  await Engine.start(scope, snapshot, { workers: 1 });
});
afterAll(async () => {
  h1?.closeAllConnections();
  h1?.close();
  h2?.close();
  await scope?.close();
});

interface Opened {
  socket: WebSocket;
  headers: Record<string, unknown>;
  end: () => void;
}

function overHttp1(port: number, path = '/'): Promise<Opened> {
  const socket = new WebSocket(`ws://${vip}:${port}${path}`, ['one', 'two']);
  let headers = {};
  socket.on('upgrade', (response) => (headers = response.headers));
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve({ socket, headers, end: () => socket.terminate() }));
    socket.on('error', reject);
  });
}

/** Extended CONNECT; rejects with the status of another answer than 200. */
async function overHttp2(port: number, path = '/'): Promise<Opened> {
  const session = http2.connect(`http://${vip}:${port}`);
  session.on('error', ignored);
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':path': path,
    ':authority': `${vip}:${port}`,
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'one, two',
    origin: 'http://example',
  });
  const headers = await new Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader>(
    (resolve, reject) => {
      stream.once('response', resolve);
      stream.once('error', reject);
    },
  );
  if (headers[':status'] !== 200) {
    stream.resume();
    session.destroy();
    throw new Error(`Unexpected server response: ${headers[':status']}`);
  }
  stream.on('error', ignored);
  const socket = over(stream, 'client');
  socket.on('error', ignored);
  return { socket, headers, end: () => session.destroy() };
}

const ways: [name: string, open: (port: number, path?: string) => Promise<Opened>][] = [
  ['HTTP/1', overHttp1],
  ['HTTP/2', overHttp2],
];

describe.each(ways)('WebSockets of ws from a client of %s', (_client, open) => {
  it.each([
    ['HTTP/1', 0],
    ['HTTP/2', 1],
  ])('to a server of %s: messages both ways, and the end with its code', async (_server, nth) => {
    const { socket, headers, end } = await open(ports[nth]!);
    expect(headers['sec-websocket-protocol']).toBe('two');
    const reply = (): Promise<Buffer> => new Promise((resolve) => socket.once('message', resolve as never));
    for (let i = 0; i < 20; i++) {
      const next = reply();
      socket.send(`message ${i}`);
      expect((await next).toString()).toBe(`message ${i}`);
    }
    const big = Buffer.alloc(3_000_000, 7);
    const next = reply();
    socket.send(big);
    expect((await next).equals(big)).toBe(true);
    const pong = new Promise((resolve) => socket.once('pong', resolve));
    socket.ping();
    await pong;
    const closed = new Promise<[number, string]>((resolve) =>
      socket.once('close', (code: number, reason: Buffer) => resolve([code, reason.toString()])),
    );
    socket.send('close');
    expect(await closed).toEqual([4001, 'as you wish']);
    end();
  });

  it('what the server says instead comes through', async () => {
    await expect(open(ports[0]!, '/no')).rejects.toThrow('Unexpected server response: 403');
  });

  it('is not served where the profile says so', async () => {
    await expect(open(ports[2]!)).rejects.toThrow();
  });
});

describe('an extended CONNECT to a server of HTTP/1', () => {
  it('has a key of its own, and the answer to it is checked', async () => {
    const { end } = await overHttp2(ports[0]!, '/chat?a=b');
    const { headers, url } = heads.at(-1)!;
    expect(url).toBe('/chat?a=b');
    expect(headers).toMatchObject({
      upgrade: 'websocket',
      origin: 'http://example',
      'sec-websocket-version': '13',
    });
    expect(Buffer.from(headers['sec-websocket-key'] ?? '', 'base64')).toHaveLength(16);
    end();
    await expect(overHttp2(ports[0]!, '/wrong')).rejects.toThrow('502');
    await expect(overHttp2(ports[0]!, '/ignored')).rejects.toThrow('502');
  });
});
