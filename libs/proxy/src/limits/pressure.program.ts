import { CLOSED_BY, OWN_BY, REFUSED_BY, VS } from '@spillway/telemetry';
import type { Budget } from '../core/budget.js';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig } from '../suite/rig.js';

const MEBIBYTE = 2 ** 20;
/** Bytes that may wait, and sockets, in the worker of these cases. */
const BUDGET = 3 * MEBIBYTE;
const SOCKETS = 60;
const rig = await Rig.make({ mostQueued: BUDGET, mostSockets: SOCKETS });
const port = await freePort();

const BODY = Buffer.alloc(24 * MEBIBYTE);
const origin = await Origin.start((r) => {
  if (!r.head.startsWith('GET /large')) {
    r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    return;
  }
  r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n`);
  r.socket.write(BODY);
});
await rig.apply([{ ports: [port] }], { pool: { servers: [{ port: origin.port }], max_idle_connections: 4 } });

const counter = (index: number): number => rig.mapping.serviceTotals(0).counters[index]!;
const quiet = (): Promise<void> =>
  until(() => rig.mapping.clientsOf(0) === 0 && rig.transport.queuedBytes() === 0, 'all gone', 20_000);

/** Clients from different addresses that ask for much and read nothing. */
async function slowReaders(n: number, from: (i: number) => string): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let i = 0; i < n; i++) {
    const c = await RawClient.open(port, '127.0.0.1', from(i)).catch(() => null);
    if (c === null) continue;
    c.forget = true;
    c.socket.pause();
    c.send('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
    clients.push(c);
  }
  return clients;
}

const cases: Case[] = [
  {
    name: 'a client that sends heads without end is held to its limits, and many to the budget',
    async run() {
      const clients: RawClient[] = [];
      for (let i = 0; i < 20; i++) {
        const c = await RawClient.open(port, '127.0.0.1', `127.0.1.${i + 1}`);
        c.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(12_000)}`);
        clients.push(c);
      }
      await until(() => rig.mapping.clientsOf(0) === 20, 'all connected');
      const before = counter(VS.CLOSED + CLOSED_BY.MEMORY);
      for (const c of clients) c.send(`${'x'.repeat(1000)}\r\n\r\n`);
      for (const c of clients) equal((await c.response()).status, 200, 'status');
      equal(counter(VS.CLOSED + CLOSED_BY.MEMORY), before, 'nobody was shed');
      for (const c of clients) c.end();
      await quiet();
    },
  },
  {
    name: 'readers that take nothing are shed when the budget is exceeded; others go on being served',
    async run() {
      const shed = counter(VS.CLOSED + CLOSED_BY.MEMORY);
      // Each holds little by itself: what the kernel does not take of one read.
      const slow = await slowReaders(24, (n) => `127.0.2.${n + 1}`);
      await until(() => counter(VS.CLOSED + CLOSED_BY.MEMORY) > shed, 'some to be shed');
      await until(() => rig.transport.queuedBytes() <= BUDGET, 'the rest to fit');
      const c = await RawClient.open(port, '127.0.0.1', '127.0.3.1');
      equal((await c.get('/')).status, 200, 'somebody else is served');
      check(counter(VS.CLOSED + CLOSED_BY.MEMORY) - shed < slow.length, 'not all were shed');
      c.end();
      for (const one of slow) one.end();
      await quiet();
    },
  },
  {
    name: 'one client is held to its share',
    async run() {
      const before = counter(VS.CLOSED + CLOSED_BY.MEMORY);
      const hog = await slowReaders(40, () => '127.0.4.1');
      await until(() => counter(VS.CLOSED + CLOSED_BY.MEMORY) > before, 'the share to be passed');
      await until(() => rig.transport.queuedBytes() <= BUDGET / 2, 'it to be held to it');
      const c = await RawClient.open(port, '127.0.0.1', '127.0.5.1');
      equal((await c.get('/')).status, 200, 'somebody else is served');
      c.end();
      for (const one of hog) one.end();
      await quiet();
    },
  },
  {
    name: 'while the budget is exceeded requests get 503 with Retry-After and connections a reset',
    async run() {
      const kept = await RawClient.open(port);
      equal((await kept.get('/')).status, 200, 'before');
      const { budget } = (rig.plane as unknown as { context: { budget: Budget } }).context;
      // As a look finds it that could not end enough.
      Object.defineProperty(budget, 'look', { value: () => {}, configurable: true });
      budget.exceeded = true;
      const r = await kept.get('/');
      equal(r.status, 503, 'status');
      check(r.head.includes('Retry-After: 1\r\n'), 'Retry-After');
      await until(() => counter(VS.OWN + OWN_BY.OVERLOAD) >= 1, 'counted');
      const refused = counter(VS.REFUSED + REFUSED_BY.MEMORY);
      const c = await RawClient.open(port).catch(() => null);
      if (c !== null) await until(() => c.closed, 'a reset');
      check(counter(VS.REFUSED + REFUSED_BY.MEMORY) > refused, 'refused');
      Reflect.deleteProperty(budget, 'look');
      await until(() => !budget.exceeded, 'the next look');
      equal((await kept.get('/')).status, 200, 'after');
      kept.end();
      await quiet();
    },
  },
  {
    name: 'connections beyond the descriptors are reset, and taken again when there are some',
    async run() {
      await until(() => rig.transport.openSockets() < 10, 'few sockets');
      const held: RawClient[] = [];
      for (let i = 0; i < SOCKETS + 40; i++) {
        const c = await RawClient.open(port).catch(() => null);
        if (c !== null) held.push(c);
      }
      check(counter(VS.REFUSED + REFUSED_BY.DESCRIPTORS) >= 40, 'refused');
      check(rig.transport.openSockets() <= SOCKETS, 'no more than allowed');
      for (const c of held) c.end();
      await quiet();
      const c = await RawClient.open(port);
      equal((await c.get('/')).status, 200, 'served again');
      c.end();
    },
  },
];

await runCases(cases);
