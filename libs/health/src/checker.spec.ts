import { afterEach, describe, expect, it } from '@jest/globals';
import type { HealthMonitor, Pool, Snapshot } from '@spillway/snapshot';
import { HealthChecker } from './checker.js';
import type { ServerVerdict } from './member-state.js';
import { encodeNews } from './shared-news.js';
import type { ProbeSpec } from './probe.js';
import type { CheckResult } from './result.js';

/** A clock that moves only when it is told to, and calls back what falls due on the way. */
class Clock {
  now = 1_000_000;
  #due: { at: number; call: () => void }[] = [];
  after = (milliseconds: number, call: () => void): (() => void) => {
    const entry = { at: this.now + milliseconds, call };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((d) => d !== entry);
    };
  };
  async advance(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    for (;;) {
      await settle();
      const next = this.#due.filter((d) => d.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#due = this.#due.filter((d) => d !== next);
      this.now = Math.max(this.now, next.at);
      next.call();
    }
    this.now = end;
  }
  get waiting(): number {
    return this.#due.length;
  }
}
const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

const monitor = (uuid = 'healthmonitor-1', more: Partial<HealthMonitor> = {}): HealthMonitor => ({
  uuid,
  name: uuid,
  send_interval: 10_000,
  receive_timeout: 4_000,
  successful_checks: 2,
  failed_checks: 2,
  check: { type: 'tcp', half_open: false },
  ...more,
});
const pool = (ports: number[], more: Partial<Pool> = {}): Pool => ({
  uuid: 'pool-1',
  name: 'pool-1',
  enabled: true,
  algorithm: 'round_robin',
  servers: ports.map((port) => ({ address: '127.0.0.1', port, hostname: '', state: 'enabled', ratio: 1 })),
  health_monitor_uuids: ['healthmonitor-1'],
  min_servers_up: 1,
  graceful_disable_timeout: 0,
  connect_timeout: 2000,
  max_idle_connections: 64,
  ...more,
});
const snapshot = (pools: Pool[], monitors: HealthMonitor[], enabled = true): Snapshot => ({
  format: 1,
  epoch: 1,
  generation: 1,
  settings: {
    se_uuid: 'serviceengine-1',
    se_name: 'se-1',
    cluster_uuid: 'cluster-1',
    se_group_uuid: 'serviceenginegroup-1',
    vip_distribution: 'host',
    dp_hb_frequency: 100,
    dp_hb_timeout_count: 6,
    heartbeat_interval: 1000,
  },
  placements: pools.map((p) => ({
    virtual_service_uuid: `vs-${p.uuid}`,
    vip_id: '1',
    state: 'active',
    primary: true,
    epoch: 1,
    drain_timeout: 30_000,
  })),
  virtual_services: pools.map((p) => ({
    uuid: `vs-${p.uuid}`,
    name: p.uuid,
    tenant: 'admin',
    enabled,
    vips: [{ vip_id: '1', address: '127.0.0.1' }],
    services: [{ port: 80, port_range_end: 80 }],
    application: { type: 'tcp', tcp: { idle_timeout: 0 } },
    pool_uuid: p.uuid,
  })),
  pools,
  health_monitors: monitors,
});

const row = (poolUuid: string, server: string, passed: number, failed: number) => ({
  poolUuid,
  server,
  monitorUuid: 'healthmonitor-1',
  passed,
  failed,
});

function setUp(inherited?: Map<string, boolean>, random = () => 1) {
  const clock = new Clock();
  const good = new Map<number, boolean>();
  const asked: { port: number; at: number }[] = [];
  const changes: ServerVerdict[] = [];
  const makeProbe = ({ target }: ProbeSpec) => {
    let mine = 0;
    return {
      start(done: (result: CheckResult) => void) {
        const now = ++mine;
        asked.push({ port: target.port, at: clock.now - 1_000_000 });
        const result: CheckResult =
          good.get(target.port) === false
            ? { ok: false, code: 'CONNECTION_REFUSED', text: 'no' }
            : { ok: true };
        queueMicrotask(() => now === mine && done(result));
      },
      abandon() {
        mine++;
      },
    };
  };
  const checker = new HealthChecker({
    makeProbe: () => makeProbe,
    now: () => clock.now,
    clock: () => clock.now,
    random,
    after: clock.after,
    onChange: (v) => changes.push(...v),
    ...(inherited === undefined ? {} : { inherited }),
  });
  const verdict = (port: number, poolUuid = 'pool-1'): string | undefined =>
    checker.verdicts().find((v) => v.key === `${poolUuid}/127.0.0.1:${port}`)?.verdict;
  const joined = (port: number): boolean => {
    const found = checker.verdicts().find((v) => v.key === `pool-1/127.0.0.1:${port}`);
    return found?.verdict === 'up' && found.became !== 'kept';
  };
  return { clock, good, asked, changes, checker, verdict, joined };
}
let open: HealthChecker | undefined;
afterEach(() => open?.close());

describe('the checks of one SE', () => {
  it('start at once, and one good check admits', async () => {
    const { clock, asked, checker, verdict } = setUp();
    open = checker;
    checker.configure(snapshot([pool([1, 2])], [monitor()]));
    expect(verdict(1)).toBe('unknown');
    expect(checker.unchecked('pool-1')).toBe(2);
    await clock.advance(0);
    expect(asked).toEqual([
      { port: 1, at: 0 },
      { port: 2, at: 0 },
    ]);
    expect([verdict(1), verdict(2)]).toEqual(['up', 'up']);
    expect(checker.unchecked('pool-1')).toBe(0);
    await clock.advance(9_999);
    expect(asked).toHaveLength(2);
    await clock.advance(1);
    expect(asked).toHaveLength(4);
  });

  it('make the first round 100 ms apart, and again when a server comes back', async () => {
    const { clock, good, asked, checker, verdict, changes } = setUp();
    open = checker;
    good.set(1, false);
    checker.configure(snapshot([pool([1])], [monitor()]));
    await clock.advance(150);
    expect(asked.map((a) => a.at)).toEqual([0, 100]);
    expect(verdict(1)).toBe('down');
    expect(changes.at(-1)?.failure).toMatchObject({
      code: 'CONNECTION_REFUSED',
      monitorUuid: 'healthmonitor-1',
    });
    good.set(1, true);
    await clock.advance(10_000);
    expect(asked.map((a) => a.at)).toEqual([0, 100, 10_100]);
    expect(verdict(1)).toBe('down');
    await clock.advance(100);
    expect(asked.map((a) => a.at)).toEqual([0, 100, 10_100, 10_200]);
    expect(verdict(1)).toBe('up');
    expect(changes.at(-1)?.failure).toBeUndefined();
  });

  it('probe a server once for two pools, and count for each', async () => {
    const { clock, asked, checker, verdict } = setUp();
    open = checker;
    const both = [pool([1]), pool([1], { uuid: 'pool-2' })];
    checker.configure(snapshot(both, [monitor()]));
    await clock.advance(0);
    expect(asked).toHaveLength(1);
    expect([verdict(1), verdict(1, 'pool-2')]).toEqual(['up', 'up']);
  });

  it('leave out disabled servers, unused pools, disabled virtual services and pools without a monitor', async () => {
    const { clock, asked, checker, verdict } = setUp();
    open = checker;
    const p = pool([1, 2]);
    const half = {
      ...p,
      servers: p.servers.map((s, i) => ({ ...s, state: i === 0 ? ('disabled' as const) : s.state })),
    };
    checker.configure(snapshot([half], [monitor()]));
    await clock.advance(0);
    expect(asked.map((a) => a.port)).toEqual([2]);
    expect(verdict(1)).toBeUndefined();
    checker.configure(snapshot([p], [monitor()], false));
    await clock.advance(30_000);
    expect(asked).toHaveLength(1);
    expect(clock.waiting).toBe(0);
    checker.configure(snapshot([pool([1], { health_monitor_uuids: [] })], []));
    expect(verdict(1)).toBe('up');
    checker.configure({ ...snapshot([p], [monitor()]), placements: [] });
    await clock.advance(30_000);
    expect(asked).toHaveLength(1);
  });

  it('keep their verdicts over edits, and check at once what is new', async () => {
    const { clock, asked, checker, verdict, changes } = setUp();
    open = checker;
    checker.configure(snapshot([pool([1])], [monitor()]));
    await clock.advance(5_000);
    checker.configure(snapshot([pool([1, 2], { name: 'other' })], [monitor()]));
    expect([verdict(1), verdict(2)]).toEqual(['up', 'unknown']);
    await clock.advance(0);
    expect(asked.map((a) => a.port)).toEqual([1, 2]);
    // A second monitor: the server stays up while it has not spoken, and goes down when it says no.
    const seen = changes.length;
    const two = pool([1, 2], { health_monitor_uuids: ['healthmonitor-1', 'healthmonitor-2'] });
    checker.configure(snapshot([two], [monitor(), monitor('healthmonitor-2', { monitor_port: 9 })]));
    expect([verdict(1), verdict(2)]).toEqual(['up', 'up']);
    await clock.advance(0);
    expect(asked.at(-1)?.port).toBe(9);
    expect(changes.slice(seen)).toEqual([]);
  });

  it('keep the verdict of an edited monitor until the new question is answered', async () => {
    const { clock, good, checker, verdict } = setUp();
    open = checker;
    checker.configure(snapshot([pool([1])], [monitor()]));
    await clock.advance(0);
    good.set(1, false);
    checker.configure(snapshot([pool([1])], [monitor('healthmonitor-1', { send_interval: 20_000 })]));
    expect(verdict(1)).toBe('up');
    await clock.advance(0);
    expect(verdict(1)).toBe('up');
    await clock.advance(20_000);
    expect(verdict(1)).toBe('down');
  });

  it('start from inherited verdicts and replace them', async () => {
    const { clock, good, checker, verdict } = setUp(
      new Map([
        ['pool-1/127.0.0.1:1', true],
        ['pool-1/127.0.0.1:2', false],
      ]),
    );
    open = checker;
    good.set(1, false);
    checker.configure(snapshot([pool([1, 2, 3])], [monitor()]));
    expect([verdict(1), verdict(2), verdict(3)]).toEqual(['up', 'down', 'unknown']);
    await clock.advance(0);
    expect([verdict(1), verdict(2), verdict(3)]).toEqual(['up', 'up', 'up']);
    await clock.advance(100);
    expect(verdict(1)).toBe('down');
  });

  it('take from another SE what is not known here yet, and replace it', async () => {
    const { clock, good, checker, verdict } = setUp();
    open = checker;
    good.set(2, false);
    checker.configure(snapshot([pool([1, 2, 3])], [monitor()]));
    checker.inherit([
      ['pool-1/127.0.0.1:1', true],
      ['pool-1/127.0.0.1:2', true],
      ['pool-1/127.0.0.1:9', true],
    ]);
    expect([verdict(1), verdict(2), verdict(3)]).toEqual(['up', 'up', 'unknown']);
    expect(checker.verdicts().find((v) => v.key === 'pool-1/127.0.0.1:1')?.became).toBe('kept');
    await clock.advance(100);
    expect([verdict(1), verdict(2), verdict(3)]).toEqual(['up', 'down', 'up']);
    checker.inherit([['pool-1/127.0.0.1:2', true]]);
    expect(verdict(2)).toBe('down');
  });

  it('wait for the interval where the monitor wants no quick start', async () => {
    const { clock, good, asked, checker, verdict } = setUp();
    open = checker;
    good.set(1, false);
    checker.configure(snapshot([pool([1])], [monitor('healthmonitor-1', { disable_quickstart: true })]));
    await clock.advance(10_000);
    expect(asked.map((a) => a.at)).toEqual([0, 10_000]);
    expect(verdict(1)).toBe('down');
  });

  it('are made for each pool where the monitor allows duplicates', async () => {
    const { clock, asked, checker } = setUp();
    open = checker;
    const both = [pool([1]), pool([1], { uuid: 'pool-2' })];
    checker.configure(snapshot(both, [monitor('healthmonitor-1', { allow_duplicate_monitors: true })]));
    await clock.advance(0);
    expect(asked).toHaveLength(2);
  });

  it('tell servers that join others from those that come with their pool', async () => {
    const { clock, good, checker, joined } = setUp();
    open = checker;
    checker.configure(snapshot([pool([1, 2])], [monitor()]));
    await clock.advance(0);
    expect([joined(1), joined(2)]).toEqual([false, false]);
    // A new one, once it has been admitted.
    checker.configure(snapshot([pool([1, 2, 3])], [monitor()]));
    expect(joined(3)).toBe(false);
    await clock.advance(0);
    expect([joined(1), joined(2), joined(3)]).toEqual([false, false, true]);
    // One that is back from down.
    good.set(2, false);
    await clock.advance(40_000);
    expect(joined(2)).toBe(false);
    good.set(2, true);
    await clock.advance(40_000);
    expect([joined(1), joined(2)]).toEqual([false, true]);
    // One that is enabled again.
    checker.configure(snapshot([pool([2, 3])], [monitor()]));
    checker.configure(snapshot([pool([1, 2, 3])], [monitor()]));
    await clock.advance(0);
    expect(joined(1)).toBe(true);
  });

  it('take what was known to be up for a server that was there, and what was down for one that joins', async () => {
    const { clock, checker, joined } = setUp(
      new Map([
        ['pool-1/127.0.0.1:1', true],
        ['pool-1/127.0.0.1:2', false],
      ]),
    );
    open = checker;
    checker.configure(snapshot([pool([1, 2, 3])], [monitor()]));
    await clock.advance(0);
    expect([joined(1), joined(2), joined(3)]).toEqual([false, true, false]);
  });

  it('count what passed and failed per pool, server and monitor, once', async () => {
    const { clock, good, checker } = setUp();
    open = checker;
    good.set(2, false);
    checker.configure(snapshot([pool([1, 2]), pool([1], { uuid: 'pool-2' })], [monitor()]));
    await clock.advance(150);
    expect(checker.takeCounts()).toEqual([
      row('pool-1', '127.0.0.1:1', 1, 0),
      row('pool-1', '127.0.0.1:2', 0, 2),
      row('pool-2', '127.0.0.1:1', 1, 0),
    ]);
    expect(checker.takeCounts()).toEqual([]);
    expect(checker.reports('pool-1/127.0.0.1:2')).toMatchObject([
      {
        monitorUuid: 'healthmonitor-1',
        state: 'down',
        passed: 0,
        failed: 2,
        last: { result: { ok: false } },
      },
    ]);
  });

  it('begin a few at a time when thousands are due, and none is forgotten', async () => {
    const { clock, asked, checker } = setUp();
    open = checker;
    checker.configure(snapshot([pool(Array.from({ length: 1000 }, (_, i) => i + 1))], [monitor()]));
    await clock.advance(0);
    expect(asked.length).toBeLessThan(300);
    await clock.advance(100);
    expect(new Set(asked.map((a) => a.port)).size).toBe(1000);
    expect(checker.unchecked('pool-1')).toBe(0);
  });
});

/** SEs that share checks of one server over a line that can be cut. */
class Engines {
  readonly clock = new Clock();
  readonly asked: { by: string; at: number }[] = [];
  readonly checkers = new Map<string, HealthChecker>();
  readonly cut = new Set<string>();
  ok = true;

  constructor(names: readonly string[]) {
    for (const name of names) this.add(name);
  }

  add(name: string): void {
    const { clock } = this;
    const checker = new HealthChecker({
      makeProbe: () => () => ({
        start: (done: (result: CheckResult) => void) => {
          this.asked.push({ by: name, at: clock.now - 1_000_000 });
          queueMicrotask(() =>
            done(this.ok ? { ok: true } : { ok: false, code: 'NO_RESPONSE', text: 'silence' }),
          );
        },
        abandon: () => undefined,
      }),
      now: () => clock.now,
      clock: () => clock.now,
      random: () => 0.5,
      after: clock.after,
      onChange: () => undefined,
      sharing: {
        seUuid: name,
        tell: (_service, news) => {
          if (this.cut.has(name)) return;
          for (const [other, peer] of this.checkers)
            if (other !== name && !this.cut.has(other)) peer.heard(name, encodeNews([news]));
        },
      },
    });
    this.checkers.set(name, checker);
    checker.configure(snapshot([pool([1])], [monitor('healthmonitor-1', { shared_probing: true })]));
  }

  /** Who has checked since the last time that this was asked. */
  since(): Map<string, number> {
    const found = new Map<string, number>();
    for (const { by } of this.asked.splice(0)) found.set(by, (found.get(by) ?? 0) + 1);
    return found;
  }

  close(): void {
    for (const checker of this.checkers.values()) checker.close();
  }
}

describe('shared checks', () => {
  it('are made by one SE each interval, and the others believe it', async () => {
    const engines = new Engines(['a', 'b', 'c']);
    await engines.clock.advance(30_000);
    engines.since();
    await engines.clock.advance(95_000);
    const found = engines.since();
    expect(found.size).toBe(1);
    expect([...found.values()][0]).toBe(10);
    engines.ok = false;
    await engines.clock.advance(25_000);
    expect(engines.since().size).toBe(1);
    for (const checker of engines.checkers.values())
      expect(checker.verdicts()[0]).toMatchObject({ verdict: 'down', failure: { code: 'NO_RESPONSE' } });
    engines.close();
  });

  it('are made by another one within an interval and a time-out when news stop', async () => {
    const engines = new Engines(['a', 'b', 'c']);
    await engines.clock.advance(30_000);
    engines.since();
    await engines.clock.advance(20_000);
    const [[gone]] = [...engines.since()] as [[string, number]];
    engines.checkers.get(gone)!.close();
    engines.checkers.delete(gone);
    await engines.clock.advance(14_260);
    expect(engines.since().size).toBeGreaterThan(0);
    await engines.clock.advance(20_000);
    engines.since();
    await engines.clock.advance(50_000);
    expect(engines.since().size).toBe(1);
    engines.close();
  });

  it('are made by everybody while the line is cut, and by one again afterwards', async () => {
    const engines = new Engines(['a', 'b', 'c']);
    await engines.clock.advance(30_000);
    for (const name of ['a', 'b', 'c']) engines.cut.add(name);
    await engines.clock.advance(20_000);
    engines.since();
    await engines.clock.advance(30_000);
    expect([...engines.since().values()].every((n) => n >= 2)).toBe(true);
    engines.cut.clear();
    await engines.clock.advance(20_000);
    engines.since();
    await engines.clock.advance(50_000);
    expect(engines.since().size).toBe(1);
    engines.close();
  });

  it('count as checks where they were made only', async () => {
    const engines = new Engines(['a', 'b']);
    await engines.clock.advance(60_000);
    const passed = [...engines.checkers.values()].map((c) => c.takeCounts()[0]?.passed ?? 0);
    expect(passed.reduce((x, y) => x + y)).toBe(engines.asked.length);
    const lasts = [...engines.checkers.values()].map((c) => c.reports('pool-1/127.0.0.1:1')[0]?.last?.by);
    expect(lasts.filter((by) => by !== undefined)).toHaveLength(1);
    engines.close();
  });
});
