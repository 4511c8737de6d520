import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  ClientConnection,
  exposeFrom,
  eventually,
  freeLoopback,
  freePort,
  now,
  type Origin,
  RequestFailure,
  Scope,
  spawnOrigins,
  testNetwork,
} from '@spillway/testing';
import { Engine } from '../engine/engine.js';
import { buildSnapshot } from '../engine/snapshot.js';

jest.setTimeout(60_000);

let scope: Scope;
let engine: Engine;
let origins: Origin[];
let target: { host: string; port: number };
let vip: string;
let port: number;
/** Milliseconds from the disabling to the reset of what is left. */
const TIME = 6_000;

beforeAll(async () => {
  scope = new Scope('deadline');
  const { netns } = await testNetwork(scope);
  const network = netns ? { netns } : {};
  ({ origins } = await spawnOrigins(scope, [{ name: 'o1' }, { name: 'o2' }], network));
  vip = freeLoopback();
  port = netns ? 8080 : await freePort();
  target = { host: vip, port };
  engine = await Engine.start(scope, snapshot(1), { ...network, workers: 2 });
  if (netns) target = await exposeFrom(scope, netns, target);
});
afterAll(async () => scope?.close());

/** When a stream was over, and why. */
interface End {
  at: number;
  reason: string;
}

/** The first server drains until a time, where one is given. */
function snapshot(generation: number, until?: number): ReturnType<typeof buildSnapshot> {
  const servers = origins.map((o) => ({ address: o.host, port: o.port }));
  const spec = buildSnapshot({
    generation,
    services: [{ name: 'web', vips: [vip], ports: [port], servers, monitored: false, graceful: 60_000 }],
  });
  if (until === undefined) return spec;
  const [pool] = spec.pools;
  const first = pool!.servers[0]!;
  pool!.servers[0] = { ...first, state: 'draining', drain_until: Math.round(until) };
  return spec;
}

describe('the deadline of a server that drains', () => {
  it('is a time, whatever is edited and whoever is started again meanwhile', async () => {
    const streams = await Promise.all(Array.from({ length: 24 }, () => ClientConnection.open(target)));
    const ends: (End | undefined)[] = streams.map(() => undefined);
    for (const [i, c] of streams.entries())
      void c.request({ path: '/stream', timeout: 30_000, onBody: () => undefined }).then(
        () => (ends[i] = { at: now(), reason: 'complete' }),
        (error: unknown) =>
          (ends[i] = { at: now(), reason: error instanceof RequestFailure ? error.reason : String(error) }),
      );
    const [o1, o2] = origins as [Origin, Origin];
    await eventually(
      async () => {
        const [a, b] = [(await o1.counters()).streams, (await o2.counters()).streams];
        return (
          (a > 0 && b > 0 && a + b === streams.length) || Promise.reject(new Error(`${a} and ${b} streams`))
        );
      },
      { within: 10_000, every: 20, what: 'every stream to stand' },
    );
    const until = now() + TIME;
    await engine.reload(snapshot(2, until));
    // The agent dies; the workers go on, and are handed everything again by the next one.
    const [agent] = engine.pids('agent') as [number];
    process.kill(agent, 'SIGKILL');
    await eventually(
      async () => {
        const [next] = engine.pids('agent');
        return (next !== undefined && next !== agent) || Promise.reject(new Error('no other agent'));
      },
      { within: 10_000, every: 20, what: 'another agent' },
    );
    await engine.reload(snapshot(3, until));
    const { streams: atFirst } = await o1.counters();
    await eventually(
      async () => (await o1.counters()).openConnections === 0 || Promise.reject(new Error('open')),
      { within: TIME + 10_000, every: 50, what: 'the first server to be left' },
    );
    const over = (): End[] => ends.filter((end) => end !== undefined);
    await eventually(
      () => over().length >= atFirst || Promise.reject(new Error(`${over().length} are over`)),
      {
        within: 5_000,
        every: 20,
        what: 'its clients to see it',
      },
    );
    // Whoever is at the other server lives on.
    expect(over().length).toBe(atFirst);
    for (const { at, reason } of over()) {
      expect(reason).not.toBe('complete');
      expect(at - until).toBeGreaterThan(-300);
      expect(at - until).toBeLessThan(3_000);
    }
    for (const c of streams) c.reset();
  });
});
