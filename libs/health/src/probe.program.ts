import net from 'node:net';
import type { Check, HealthMonitor } from '@spillway/snapshot';
import { checkOnce } from './testing/once.js';

/** Runs checks against servers of its own and prints what each came to; Jest runs it under Bun. */
const sockets = new Set<net.Socket>();
const servers: net.Server[] = [];
async function serve(answer: (s: net.Socket) => void): Promise<number> {
  const server = net.createServer((s) => {
    sockets.add(s);
    s.on('error', () => s.destroy());
    s.once('data', () => answer(s));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}
const http: Check<'http'> = {
  type: 'http',
  request: 'GET / HTTP/1.1',
  exact_request: false,
  response_codes: ['2xx'],
};
async function outcome(
  port: number,
  check: HealthMonitor['check'] = http,
  address = '127.0.0.1',
): Promise<string> {
  const monitor: HealthMonitor = {
    uuid: 'healthmonitor-1',
    name: 'm',
    send_interval: 5000,
    receive_timeout: 300,
    successful_checks: 1,
    failed_checks: 1,
    check,
  };
  const result = await checkOnce(monitor, { address, port, hostname: '' });
  return result.ok ? 'up' : result.code;
}
const free = await serve(() => undefined);
await new Promise((resolve) => servers.pop()?.close(resolve));
const good = await serve((s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
const results = {
  good: await outcome(good),
  text: await outcome(good, { ...http, response_text: 'ok' }),
  wrongCode: await outcome(await serve((s) => s.end('HTTP/1.1 404 No\r\n\r\n'))),
  silent: await outcome(await serve(() => undefined)),
  reset: await outcome(await serve((s) => s.resetAndDestroy())),
  closing: await outcome(await serve((s) => s.end())),
  refused: await outcome(free),
  // Nobody may connect to all hosts, which the system says at once.
  unreachable: await outcome(80, http, '255.255.255.255'),
  halfOpen: await outcome(good, { type: 'tcp', half_open: true }),
};
for (const s of sockets) s.destroy();
for (const s of servers) s.close();
console.log(JSON.stringify(results));
