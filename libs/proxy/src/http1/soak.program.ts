import { HEALTH, VS } from '@spillway/telemetry';
import { readdirSync } from 'node:fs';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { Origin, type Received } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig } from '../suite/rig.js';
import { MALFORMED } from './corpus.js';

/**
 * Everything odd at once, for a few seconds (SOAK_SECONDS): clients that abort, crawl, send ahead, send garbage;
 * servers that reset, truncate, close, stall; edits and health changes all the while. No complete response may be
 * wrong, nothing may hang, and nothing may be left at the end.
 */
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? '5');
const rig = await Rig.make();
const port = await freePort();

let seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);
const random = (n: number): number => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
  return (seed >>> 8) % n;
};

const bodyOf = (id: number, length: number): Buffer => {
  const b = Buffer.alloc(length);
  for (let i = 0; i < length; i++) b[i] = 33 + ((id * 31 + i * 7 + (i >> 6)) % 90);
  return b;
};

/** Answers `/echo/<id>/<length>` with the body of that id, in one of many ways, now and then badly. */
function answer(r: Received): void {
  const [, , id, length] = (r.head.split(' ')[1] ?? '').split('/');
  const body = bodyOf(Number(id), Number(length));
  const bad = r.head.includes('X-Clean') ? 99 : random(40);
  if (bad === 0) r.socket.destroy();
  else if (bad === 1) r.socket.resetAndDestroy();
  else if (bad === 2) r.socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length + 10}\r\n\r\nshort`);
  else if (bad === 3)
    r.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n');
  else if (bad === 4) setTimeout(() => good(r, body), random(100));
  else good(r, body);
}

function good(r: Received, body: Buffer): void {
  if (r.socket.destroyed) return;
  const way = random(5);
  if (way === 0) {
    // The connection ends the body.
    r.socket.write('HTTP/1.0 200 OK\r\n\r\n');
    r.socket.end(body);
    return;
  }
  if (way === 1) {
    r.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < body.length;) {
      const piece = body.subarray(i, i + 1 + random(5000));
      r.socket.write(`${piece.length.toString(16)};x=1\r\n`);
      r.socket.write(piece);
      r.socket.write('\r\n');
      i += piece.length;
    }
    r.socket.write('0\r\nX-Trailer: 1\r\n\r\n');
  } else {
    if (way === 2) r.socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n');
    r.socket.write(
      `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${way === 3 ? 'Connection: close\r\n' : ''}\r\n`,
    );
    r.socket.write(body);
  }
  if (way === 3) r.socket.end();
  // A server that gives up an idle connection without a word.
  else if (random(10) === 0) setTimeout(() => r.socket.destroy(), random(20));
}

let nextId = 0;
const tally = { complete: 0, gateway: 0, cut: 0, aborted: 0, refused: 0, clean: 0 };
const wrong: string[] = [];

function head(id: number, length: number, extra: string): string {
  return `GET /echo/${id}/${length} HTTP/1.1\r\nHost: soak\r\n${extra}\r\n`;
}

async function final(c: RawClient): ReturnType<RawClient['response']> {
  for (;;) {
    const r = await c.response();
    if (r.status >= 200) return r;
  }
}

/** One odd conversation. */
async function converse(): Promise<void> {
  const c = await RawClient.open(port);
  try {
    const kind = random(8);
    if (kind === 0) {
      const [, text] = MALFORMED[random(MALFORMED.length)]!;
      const r = await c.send(text).response();
      if (r.status < 400) wrong.push(`malformed ${JSON.stringify(text)} got ${r.status}`);
      tally.refused++;
      return;
    }
    const count = 1 + random(6);
    const ids = Array.from({ length: count }, () => ({
      id: nextId++,
      length: random(4) === 0 ? random(300_000) : random(2000),
    }));
    if (kind === 1) {
      // Goes away somewhere in the middle.
      c.send(head(ids[0]!.id, 200_000, ''));
      const least = random(3) * 1000;
      await until(
        () => c.bytes >= least || c.closed || c.text.startsWith('HTTP/1.1 50'),
        'bytes before the abort',
      );
      if (random(2) === 0) c.reset();
      tally.aborted++;
      return;
    }
    if (kind === 2) {
      const text = head(ids[0]!.id, ids[0]!.length, 'X-Split: 1\r\n');
      for (let i = 0; i < text.length;) {
        const n = 1 + random(9);
        c.send(text.slice(i, i + n));
        i += n;
        if (random(4) === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      }
      ids.length = 1;
    } else if (kind === 3) {
      const up = bodyOf(ids[0]!.id, random(200_000));
      c.send(
        `POST /echo/${ids[0]!.id}/${ids[0]!.length} HTTP/1.1\r\nHost: soak\r\nContent-Length: ${up.length}\r\n\r\n`,
      );
      for (let i = 0; i < up.length; i += 50_000) c.send(up.subarray(i, i + 50_000));
      ids.length = 1;
    } else if (kind === 4) {
      c.send(
        `POST /echo/${ids[0]!.id}/${ids[0]!.length} HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      for (let k = 0; k < 3; k++) c.send('5\r\nhello\r\n');
      c.send('0\r\n\r\n');
      ids.length = 1;
    } else c.send(ids.map(({ id, length }) => head(id, length, '')).join(''));
    if (kind === 5) {
      c.socket.pause();
      await new Promise<void>((resolve) => setTimeout(resolve, random(50)));
      c.socket.resume();
    }
    for (const { id, length } of ids) {
      const r = await final(c);
      if (r.status === 200) {
        if (!r.body.equals(bodyOf(id, length)))
          wrong.push(`body of ${id} (${length}) is wrong, has ${r.body.length}`);
        tally.complete++;
      } else if (r.status >= 500) tally.gateway++;
      else wrong.push(`status ${r.status} for ${id}`);
      if (/connection: close/i.test(r.head)) break;
    }
  } catch (error) {
    // A response cut short by its server is cut short for the client; anything else is a fault.
    if (c.closed) tally.cut++;
    else wrong.push(String(error));
  } finally {
    c.end();
  }
}

/** Clients whose servers behave, but for connections given up while idle: none of their requests may fail. */
async function converseCleanly(stop: () => boolean): Promise<void> {
  let c: RawClient | null = null;
  while (!stop()) {
    c ??= await RawClient.open(port);
    const id = nextId++;
    const length = random(3000);
    try {
      const r = await (c.send(head(id, length, 'X-Clean: 1\r\n')), final(c));
      if (r.status !== 200 || !r.body.equals(bodyOf(id, length)))
        wrong.push(`clean request ${id}: ${r.status} ${r.status === 200 ? 'wrong body' : r.body.toString()}`);
      tally.clean++;
      if (/connection: close/i.test(r.head)) {
        c.end();
        c = null;
      }
    } catch (error) {
      wrong.push(`clean request ${id}: ${String(error)}`);
      c?.end();
      c = null;
    }
  }
  c?.end();
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

const cases: Case[] = [
  {
    name: `everything odd at once for ${SECONDS} s (seed ${seed})`,
    async run() {
      const origins = [await Origin.start(answer), await Origin.start(answer), await Origin.start(answer)];
      const apply = (n: number): Promise<void> =>
        rig.apply([{ ports: [port] }], {
          pool: {
            algorithm: n % 2 === 0 ? 'round_robin' : 'least_connections',
            servers: origins.filter((_, i) => n % 4 !== i).map((o) => ({ port: o.port, ratio: 1 + (n % 3) })),
          },
        });
      await apply(3);
      const baseline = descriptors();
      const end = performance.now() + SECONDS * 1000;
      const stop = (): boolean => performance.now() > end;
      const odd = async (): Promise<void> => {
        while (!stop()) await converse();
      };
      const edits = async (): Promise<void> => {
        for (let n = 0; !stop(); n++) {
          await apply(n);
          const o = origins[n % 3]!;
          rig.health('pool', o.port, HEALTH.DOWN);
          rig.health('pool', o.port, HEALTH.UP);
          await new Promise<void>((resolve) => setTimeout(resolve, 20));
        }
      };
      await Promise.all([
        ...Array.from({ length: 12 }, odd),
        ...Array.from({ length: 4 }, () => converseCleanly(stop)),
        edits(),
      ]);
      equal(wrong.slice(0, 5), [], `wrong (of ${wrong.length}); ${JSON.stringify(tally)}`);
      check(
        tally.complete > 50 && tally.clean > 50 && tally.gateway > 0 && tally.cut > 0,
        JSON.stringify(tally),
      );
      const counters = (): Float64Array => rig.mapping.serviceTotals(0).counters;
      await until(() => counters()[VS.CONNECTIONS_ACTIVE] === 0, 'no client connection');
      equal(counters()[VS.REQUESTS_ACTIVE], 0, 'requests under way');
      equal(
        origins.map((o) => rig.mapping.activeOf(rig.slot('pool', o.port))),
        [0, 0, 0],
        'busy server connections',
      );
      equal(rig.transport.queuedBytes(), 0, 'queued bytes');
      for (const o of origins) o.stop();
      await until(() => descriptors() <= baseline, `descriptors: ${baseline} before, ${descriptors()} after`);
    },
  },
];

await runCases(cases);
