import { spawn, type ChildProcess } from 'node:child_process';
import { VS } from '@spillway/telemetry';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { certificate } from '@spillway/testing/certificates';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig } from '../suite/rig.js';
import { sClient } from '../suite/s-client.js';
import { TLS } from '../suite/tls.js';
import { OPENSSL_FULL } from './client-hello.captured.js';

const rig = await Rig.make();
const port = await freePort();
const origin = await Origin.start();
const own = await certificate({ cn: 'a.example' });
rig.secrets = { certificates: [own] };
await rig.apply([{ ports: [port], tls: { profile: TLS, certificate_uuids: [own.uuid], protocols: [] } }], {
  pool: { servers: [{ port: origin.port }] },
});

const counter = (n: number): number => rig.mapping.serviceTotals(0).counters[n]!;
const open = (): number => counter(VS.CONNECTIONS_ACTIVE);

/** `openssl s_client` that takes its commands a line at a time. */
function commanded(...args: string[]): ChildProcess {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.on('error', () => {});
  return child;
}

const cases: Case[] = [
  {
    name: 'a flood of key updates ends the connection',
    async run() {
      const child = commanded('-tls1_3');
      await until(() => open() === 1, 'a connection');
      // Each line is a command of its own only when it is read alone.
      let sent = 0;
      const timer = setInterval(() => {
        for (let i = 0; i < 20; i++) child.stdin!.write('k\n');
        sent += 20;
      }, 1);
      await until(() => open() === 0, 'the end of it');
      clearInterval(timer);
      check(sent > 0, 'nothing was sent');
      child.kill();
    },
  },
  {
    name: 'no renegotiation',
    async run() {
      const before = counter(VS.TLS_HANDSHAKES);
      const child = commanded('-tls1_2');
      await until(() => counter(VS.TLS_HANDSHAKES) === before + 1, 'a handshake');
      child.stdin!.write('R\n');
      await until(() => open() === 0, 'the end of it');
      equal(counter(VS.TLS_HANDSHAKES), before + 1, 'handshakes');
      child.kill();
    },
  },
  {
    name: 'handshakes that are never finished do not keep others out',
    async run() {
      const hello = Buffer.from(OPENSSL_FULL, 'hex');
      const holders: RawClient[] = [];
      for (let i = 0; i < 1100; i++) {
        const c = await RawClient.open(port);
        c.forget = true;
        c.send(hello);
        holders.push(c);
      }
      await until(() => holders.at(-1)!.bytes > 0, 'an answer to the last');
      const honest = await sClient(port, ['-tls1_3']);
      check(honest.response.startsWith('HTTP/1.1 200'), `refused: ${honest.output}`);
      await until(() => holders.slice(0, 60).every((c) => c.closed), 'the end of the oldest');
      check(open() <= 1024, `${open()} connections`);
      for (const c of holders) c.reset();
      await until(() => open() === 0, 'the end of all');
    },
  },
  {
    name: 'clients that go away in the middle leave nothing',
    async run() {
      const hello = Buffer.from(OPENSSL_FULL, 'hex');
      for (let n = 1; n < hello.length; n += 7) {
        const c = await RawClient.open(port);
        c.send(hello.subarray(0, n));
        if (n % 2 === 0) c.reset();
        else c.end();
        if (n % 2 !== 0) await until(() => c.closed || c.ended, 'the end');
        c.reset();
      }
      await until(() => open() === 0, 'no connection left');
    },
  },
];

await runCases(cases);
