import { afterEach, describe, expect, it } from '@jest/globals';
import net from 'node:net';
import type { HealthMonitor } from '@spillway/snapshot';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { checkOnce } from './testing/once.js';

const servers: net.Server[] = [];
const sockets = new Set<net.Socket>();
async function serve(onConnection: (s: net.Socket) => void, host = '127.0.0.1'): Promise<number> {
  const server = net.createServer((s) => {
    sockets.add(s);
    s.on('error', () => s.destroy());
    s.resume();
    onConnection(s);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as net.AddressInfo).port;
}
afterEach(async () => {
  for (const s of sockets) s.destroy();
  sockets.clear();
  for (const s of servers.splice(0)) await new Promise((resolve) => s.close(resolve));
});

const monitor = (check: HealthMonitor['check'], receive_timeout = 1000): HealthMonitor => ({
  uuid: 'healthmonitor-1',
  name: 'm',
  send_interval: 5000,
  receive_timeout,
  successful_checks: 1,
  failed_checks: 1,
  check,
});
const http = (more = {}): HealthMonitor['check'] => ({
  type: 'http',
  request: 'GET /health HTTP/1.1',
  exact_request: false,
  response_codes: ['2xx'],
  ...more,
});
const tcp = (more = {}): HealthMonitor['check'] => ({ type: 'tcp', half_open: false, ...more });
const at = (port: number, address = '127.0.0.1') => ({ address, port, hostname: '' });

describe('checks over real sockets', () => {
  it('an HTTP server that answers passes, over IPv6 too, and its exchange is kept', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const port = await serve((s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), host);
      const result = await checkOnce(monitor(http({ response_text: 'ok' })), at(port, host));
      expect(result.ok).toBe(true);
      expect(result.exchange?.sent).toMatch(/^GET \/health HTTP\/1\.1\r\nHost: /);
      expect(result.exchange?.received).toMatch(/^HTTP\/1\.1 200 OK/);
    }
  });

  it('each failure has its own code', async () => {
    const wrongCode = await serve((s) => s.end('HTTP/1.1 500 No\r\n\r\n'));
    expect(await checkOnce(monitor(http()), at(wrongCode))).toMatchObject({ code: 'RESPONSE_CODE_MISMATCH' });
    const wrongText = await serve((s) => s.end('HTTP/1.1 200 OK\r\n\r\nno'));
    expect(await checkOnce(monitor(http({ response_text: 'yes' })), at(wrongText))).toMatchObject({
      code: 'PAYLOAD_CONTENT_MISMATCH',
    });
    const silent = await serve(() => undefined);
    expect(await checkOnce(monitor(http(), 60), at(silent))).toMatchObject({ code: 'NO_RESPONSE' });
    const reset = await serve((s) => s.once('data', () => s.resetAndDestroy()));
    expect(await checkOnce(monitor(http()), at(reset))).toMatchObject({ code: 'CONNECTION_RESET' });
    const closing = await serve((s) => s.once('data', () => s.end()));
    expect(await checkOnce(monitor(http()), at(closing))).toMatchObject({ code: 'NO_RESPONSE' });
    const free = await serve(() => undefined);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await checkOnce(monitor(http()), at(free))).toMatchObject({ code: 'CONNECTION_REFUSED' });
  });

  it('a TCP monitor connects, or says and hears what it is told to', async () => {
    const echo = await serve((s) => s.pipe(s));
    expect(await checkOnce(monitor(tcp()), at(echo))).toEqual({ ok: true });
    expect(await checkOnce(monitor(tcp({ half_open: true })), at(echo))).toEqual({ ok: true });
    expect((await checkOnce(monitor(tcp({ send: 'ping', expect: 'ping' })), at(echo))).ok).toBe(true);
    expect(await checkOnce(monitor(tcp({ send: 'ping', expect: 'pong' }), 80), at(echo))).toMatchObject({
      code: 'PAYLOAD_CONTENT_MISMATCH',
    });
    const rude = await serve((s) => s.end('go away'));
    expect(await checkOnce(monitor(tcp({ expect: 'welcome' })), at(rude))).toMatchObject({
      code: 'PAYLOAD_CONTENT_MISMATCH',
    });
  });

  it('come to the same results on Bun', () => {
    const root = path.resolve(import.meta.dirname, '../../..');
    const run = spawnSync(path.join(root, 'node_modules/.bin/bun'), [
      path.join(import.meta.dirname, 'probe.program.js'),
    ]);
    expect(String(run.stderr)).toBe('');
    expect(JSON.parse(String(run.stdout))).toEqual({
      good: 'up',
      text: 'up',
      wrongCode: 'RESPONSE_CODE_MISMATCH',
      silent: 'NO_RESPONSE',
      reset: 'CONNECTION_RESET',
      closing: 'NO_RESPONSE',
      refused: 'CONNECTION_REFUSED',
      unreachable: 'SERVER_UNREACHABLE',
      halfOpen: 'up',
    });
  });
});
