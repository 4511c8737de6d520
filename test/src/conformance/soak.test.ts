import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { eventually, freePort, RunningProcess, Scope } from '@spillway/testing';
import { MoodyOrigin, Random, Traffic } from '@spillway/testing/soak';
import { Engine } from '../engine/engine.js';
import { buildSnapshot } from '../engine/snapshot.js';
import { hasProgram } from './programs.js';

/** `SOAK_SECONDS=1800 ./spillway test soak` for half an hour. */
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? '60');
const SEED = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);
/** Before the measuring begins, so that code is compiled and pools are filled. */
const WARM_UP_SECONDS = Math.min(20, SECONDS / 3);
/** What the whole SE may hold more at the end than after the warm-up: the heap breathes. */
const MOST_GROWTH = 128 * 1024 * 1024;

jest.setTimeout((SECONDS + 240) * 1000);

const until = (seconds: number): (() => boolean) => {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() > end;
};

let scope: Scope;
beforeEach(() => {
  scope = new Scope('soak');
});
afterEach(async () => await scope.close());

test(`good and hostile traffic for ${SECONDS} s (seed ${SEED}) leaves nothing behind and no wrong body`, async () => {
  const random = new Random(SEED);
  const origins = Array.from({ length: 3 }, () => new MoodyOrigin(random));
  for (const origin of origins) {
    await origin.start();
    scope.defer('origin', () => origin.kill());
  }
  const port = await freePort();
  /** @param leaving what runs on it may end */
  const snapshot = (generation: number, leaving?: MoodyOrigin) => {
    const built = buildSnapshot({
      generation,
      services: [
        {
          name: 'soak',
          vips: ['127.0.0.1'],
          ports: [port],
          servers: origins.map((o) => ({
            address: '127.0.0.1',
            port: o.port,
            state: o === leaving ? ('draining' as const) : ('enabled' as const),
          })),
          monitored: false,
          graceful: 60_000,
        },
      ],
    });
    const { application } = built.virtual_services[0]!;
    if (application.type === 'http')
      Object.assign(application.http, {
        keepalive_timeout: 2000,
        client_header_timeout: 2000,
        client_body_timeout: 4000,
        server_response_timeout: 4000,
        server_idle_timeout: 2000,
      });
    return built;
  };
  const engine = await Engine.start(scope, snapshot(1), { workers: 2 });
  const traffic = new Traffic(port, random);
  const rest = async (): Promise<{ memory: number; descriptors: number }> => {
    await eventually(() => established(port) === 0, {
      what: 'every client connection to end',
      within: 60_000,
    });
    // Idle connections to servers have 2 s.
    await delay(3000);
    return { memory: engine.memory(), descriptors: descriptors(engine) };
  };

  await traffic.run(16, 4, until(WARM_UP_SECONDS));
  const before = await rest();

  const stop = until(SECONDS - WARM_UP_SECONDS);
  const slow = startSlowClients(port, SECONDS - WARM_UP_SECONDS);
  await Promise.all([traffic.run(16, 4, stop), killAndEdit(engine, origins, snapshot, random, stop)]);
  await (await slow)?.stop();
  const after = await rest();

  const { wrong, tally } = traffic;
  console.log(JSON.stringify({ seed: SEED, tally, before, after }));
  expect(wrong.slice(0, 5)).toEqual([]);
  for (const count of Object.values(tally)) expect(count).toBeGreaterThan(0);
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
  expect(after.memory - before.memory).toBeLessThan(MOST_GROWTH);
  expect(engine.process.output()).not.toMatch(/"level":"(error|fatal)"/);
});

/**
 * Kills one origin after the other and starts it again, each time with the server taken out of the pool before, so
 * that clean requests have somewhere to go, or, every other time, without a word.
 */
async function killAndEdit(
  engine: Engine,
  origins: readonly MoodyOrigin[],
  snapshot: (generation: number, leaving?: MoodyOrigin) => ReturnType<typeof buildSnapshot>,
  random: Random,
  stop: () => boolean,
): Promise<void> {
  let generation = 1;
  while (!stop()) {
    const victim = random.pick(origins);
    await engine.reload(snapshot(++generation, victim));
    victim.kill();
    await delay(200 + random.below(500));
    await victim.start();
    await engine.reload(snapshot(++generation));
    await delay(500);
  }
}

/** Heads and bodies that come in drops, by Debian's slowhttptest. */
async function startSlowClients(port: number, seconds: number): Promise<RunningProcess | null> {
  if (!hasProgram('slowhttptest')) return null;
  const args = [
    '-H',
    '-c',
    '50',
    '-i',
    '1',
    '-r',
    '25',
    '-l',
    `${Math.ceil(seconds)}`,
    '-u',
    `http://127.0.0.1:${port}/echo/0/10`,
    '-p',
    '3',
  ];
  return await RunningProcess.start(scope, 'slowhttptest', args);
}

/** Connections to the port that are open, by the tables of the kernel. */
function established(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` 0100007F:${hex} `) && /^\s*\d+: \S+ \S+ (01|08) /.test(line)).length;
}

/** Open descriptors of the workers. */
const descriptors = (engine: Engine): number =>
  engine.pids('worker').reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
