import { execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import type { Check, HealthMonitor } from '@spillway/snapshot';
import { checkOnce } from './testing/once.js';
import type { CheckResult } from './result.js';

/** Runs every type of check against servers of its own and prints what each came to; run on Node and on Bun. */
const streams: net.Server[] = [];
const datagrams: dgram.Socket[] = [];
const results: Record<string, string> = {};

async function run(
  check: HealthMonitor['check'],
  port: number,
  { address = '127.0.0.1', hostname = '', timeout = 3000 } = {},
): Promise<CheckResult> {
  const monitor: HealthMonitor = {
    uuid: 'healthmonitor-1',
    name: 'the monitor',
    send_interval: 5000,
    receive_timeout: timeout,
    successful_checks: 1,
    failed_checks: 1,
    check,
  };
  return await checkOnce(monitor, { address, port, hostname });
}

async function note(name: string, ...of: Parameters<typeof run>): Promise<CheckResult> {
  const result = await run(...of);
  results[name] = result.ok ? 'up' : result.code;
  return result;
}

async function udp(
  answer: (message: Buffer) => Buffer | string | null,
  address = '127.0.0.1',
): Promise<number> {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  datagrams.push(socket);
  socket.on('message', (message, from) => {
    const said = answer(message);
    if (said !== null) socket.send(said, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return socket.address().port;
}

async function tcp(
  answer: (socket: net.Socket, data: string) => void,
  secure?: tls.TlsOptions,
): Promise<number> {
  const take = (socket: net.Socket): void => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (data: Buffer) => answer(socket, data.toString('latin1')));
  };
  const server = secure === undefined ? net.createServer(take) : tls.createServer(secure, take);
  streams.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

const udpCheck = (more: Partial<Check<'udp'>> = {}): Check<'udp'> => ({ type: 'udp', send: 'ping', ...more });
const echo = await udp((m) => `got ${m.toString()}`);
const mute = await udp(() => null);
await note('udp answer', udpCheck({ expect: 'got ping' }), echo);
await note('udp wrong answer', udpCheck({ expect: 'other' }), echo, { timeout: 200 });
await note('udp maintenance', udpCheck({ expect: 'got', maintenance_text: 'got ping' }), echo);
await note('udp silence, nothing expected', udpCheck(), mute);
await note('udp silence, answer expected', udpCheck({ expect: 'x' }), mute, { timeout: 200 });
await note('udp IPv6', udpCheck({ expect: 'got' }), await udp((m) => `got ${m.toString()}`, '::1'), {
  address: '::1',
});
const freed = await udp(() => null);
await new Promise<void>((resolve) => datagrams.pop()!.close(resolve));
await note('udp nobody there', udpCheck(), freed);

/** Answers a question for an A record by 192.0.2.1. */
function dnsAnswer(question: Buffer, rcode = 0): Buffer {
  const head = Buffer.from(question.subarray(0, 12));
  head.writeUInt16BE(0x8180 | rcode, 2);
  head.writeUInt16BE(1, 6);
  return Buffer.concat([head, question.subarray(12), Buffer.from('c00c0001000100000e100004c0000201', 'hex')]);
}
const dnsCheck = (more: Partial<Check<'dns'>> = {}): Check<'dns'> => ({
  type: 'dns',
  query_name: 'shop.example',
  record_type: 1,
  answer: 'query_type',
  no_error: true,
  ...more,
});
const dns = await udp((m) => dnsAnswer(m));
await note('dns', dnsCheck({ response_text: '192.0.2.1' }), dns);
await note('dns other address', dnsCheck({ response_text: '192.0.2.2' }), dns);
await note('dns refuses', dnsCheck(), await udp((m) => dnsAnswer(m, 5)));
const forged = await udp((m) => {
  m.writeUInt16BE((m.readUInt16BE(0) + 1) & 0xffff, 0);
  return dnsAnswer(m);
});
await note('dns answer to another question', dnsCheck(), forged, { timeout: 200 });

const options = (request: string): string =>
  request.startsWith('OPTIONS sip:') && request.endsWith('\r\n\r\n')
    ? 'SIP/2.0 200 OK\r\n\r\n'
    : 'SIP/2.0 400 No\r\n\r\n';
const sip = (more: Partial<Check<'sip'>> = {}): Check<'sip'> => ({
  type: 'sip',
  transport: 'udp',
  expect: '200 OK',
  ...more,
});
await note('sip over udp', sip(), await udp((m) => options(m.toString())));
await note('sip over tcp', sip({ transport: 'tcp' }), await tcp((s, data) => s.end(options(data))));
await note('sip another answer', sip({ expect: '202' }), await udp((m) => options(m.toString())));

const dir = mkdtempSync(join(tmpdir(), 'spillway-checks-'));
const subject = ['-subj', '/CN=shop.example', '-addext', 'subjectAltName=DNS:shop.example'];
const files = ['-keyout', join(dir, 'key'), '-out', join(dir, 'cert')];
execFileSync(
  'openssl',
  [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    ...files,
    ...subject,
  ],
  {
    stdio: 'ignore',
  },
);
let asked = '';
const secure: tls.TlsOptions = {
  key: readFileSync(join(dir, 'key')),
  cert: readFileSync(join(dir, 'cert')),
  SNICallback: (name, done) => {
    asked = name;
    done(null);
  },
};
rmSync(dir, { recursive: true });
const https = (more: Partial<Check<'http'>> = {}): Check<'http'> => ({
  type: 'http',
  request: 'GET /health HTTP/1.1',
  exact_request: false,
  response_codes: ['2xx'],
  tls: {},
  ...more,
});
let request = '';
const web = await tcp((s, data) => {
  request = data;
  s.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
}, secure);
await note('https', https({ response_text: 'ok' }), web, { hostname: 'shop.example' });
results['https asks for'] = `${asked} ${/Host: (.*)\r/.exec(request)?.[1]}`.replace(/:\d+$/, ':PORT');
await note('https another name', https({ tls: { server_name: 'other.example' } }), web);
results['https other name asks for'] = asked;
await note('https at a server without TLS', https(), await tcp((s) => s.end('HTTP/1.1 200 OK\r\n\r\n')));
await note('http at a server with TLS', { ...https(), tls: undefined }, web);
await note(
  'authentication and body',
  https({
    request: 'POST /h HTTP/1.1',
    request_body: 'héllo',
    authentication: { username: 'u', password: 'p' },
  }),
  web,
);
results['as sent'] =
  `${/Authorization: (.*)\r/.exec(request)?.[1]} ${/Content-Length: (\d+)/.exec(request)?.[1]}`;
const busy = await tcp((s) => s.end('HTTP/1.1 503 No\r\nContent-Length: 6\r\n\r\nclosed'));
await note('maintenance by code', { ...https({ maintenance_codes: [503] }), tls: undefined }, busy);
await note('maintenance by text', { ...https({ maintenance_text: 'closed' }), tls: undefined }, busy);

const external = (script: string, more: Partial<Check<'external'>> = {}): Check<'external'> => ({
  type: 'external',
  script,
  parameters: [],
  variables: {},
  ...more,
});
const told: CheckResult = await note(
  'script that says something',
  external('#!/bin/sh\necho "$IP:$PORT $1 $2 $3 $HM_NAME $A ${SECRET-none}"\n', {
    parameters: ['x y'],
    variables: { A: 'b' },
  }),
  81,
);
results['what it is told'] = told.exchange?.received.trim() ?? '';
const tasksOf = async (script: string): Promise<number | undefined> => {
  const result = await run(external(`#!/bin/sh\n${script}\necho good\n`), 81);
  return result.ok ? result.tasks : NaN;
};
results['tasks that a script tells'] = (
  await Promise.all(
    [
      'echo 17 > "$0.$POOL.$IP.$PORT.tasks"',
      'printf 12.5 > "$TASKS_FILE"',
      'echo many > "$TASKS_FILE"',
      'echo -3 > "$TASKS_FILE"',
      'head -c 100 /dev/zero | tr "\\0" 1 > "$TASKS_FILE"',
      'echo 5 > other; ln -s other "$TASKS_FILE"',
      'mkfifo "$TASKS_FILE"',
    ].map(async (script) => String(await tasksOf(script))),
  )
).join(' ');
await note('script that says nothing', external('#!/bin/sh\nexit 0\n'), 81);
await note('script that does not end', external('#!/bin/sh\nsleep 60 & sleep 60\n'), 81, { timeout: 300 });
await note('no script', external('this is no program'), 81);
const who = await run(
  external('#!/bin/sh\nid -u; touch here && ls; touch /spillway-was-here 2>/dev/null && echo loose\n'),
  81,
);
results['what it may'] = (who.exchange?.received ?? '')
  .replace(String(process.getuid?.() ?? ''), 'me')
  .replace('65534', 'nobody')
  .trim()
  .replaceAll('\n', ' ');

if (process.argv.includes('--ping')) {
  await note('ping', { type: 'ping' }, 1);
  await note('ping IPv6', { type: 'ping' }, 1, { address: '::1' });
  // The test has made a link on which nobody else is.
  await note('ping nobody on the link', { type: 'ping' }, 1, { address: '10.9.9.2', timeout: 5000 });
  await note('connect to nobody on the link', { ...https(), tls: undefined }, 80, {
    address: '10.9.9.3',
    timeout: 10_000,
  });
}

for (const server of streams) server.close();
for (const socket of datagrams) socket.close();
console.log(JSON.stringify(results));
process.exit(0);
