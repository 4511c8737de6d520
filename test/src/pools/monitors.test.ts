import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ConfigObject, eventually, type Json, Scope, sleep } from '@spillway/testing';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
let monitor: ConfigObject;

beforeAll(async () => {
  scope = new Scope('monitors');
  world = await World.create(scope, { serviceEngines: 2 });
  monitor = await world.api.find('healthmonitor', 'hm');
  await edit(monitor, { send_interval: 2, receive_timeout: 1 });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
    await states(['OPER_UP', 'OPER_UP', 'OPER_UP']);
  });
});
afterAll(async () => scope?.close());

const edit = (object: ConfigObject, replace: Json): Promise<ConfigObject> =>
  world.api.patch(`/api/${object.uuid.slice(0, object.uuid.indexOf('-'))}/${object.uuid}`, { replace });

interface Said {
  se_name: string;
  state: string;
  failure_code: string;
  failure_text: string;
}
interface Server {
  uuid: string;
  oper_status: { state: string; reason?: string[] };
  health_monitor: Said[];
}

const servers = async (): Promise<Server[]> => {
  const path = `/api/pool/${world.pool.uuid}/runtime/server/detail`;
  return (await world.api.get<{ results: Server[] }>(path)).results;
};

/** Waits until every SE has told of every server, and they are so. */
const states = (wanted: string[], ses = 2): Promise<unknown> =>
  eventually(
    async () => {
      const found = await servers();
      const now = found.map((s) => s.oper_status.state);
      const heard = found.every(
        (s) => s.oper_status.state === 'OPER_DISABLED' || s.health_monitor.length === ses,
      );
      return (now.join() === wanted.join() && heard) || Promise.reject(new Error(JSON.stringify(found)));
    },
    { within: 20_000, every: 50, what: `servers to be ${wanted.join()}` },
  );

const checks = async (): Promise<number[]> =>
  Promise.all(world.origins.map(async (o) => (await o.counters()).healthChecks));

/** Health checks that each origin gets within so many milliseconds. */
async function checksWithin(milliseconds: number): Promise<number[]> {
  const before = await checks();
  await sleep(milliseconds);
  return (await checks()).map((n, i) => n - before[i]!);
}

interface Stat {
  uuid: string;
  health_monitor: {
    name: string;
    checks_passed: number;
    checks_failed: number;
    success_percent: number | null;
    service_engine: {
      se_name: string;
      state: string;
      last_check?: {
        passed: boolean;
        failure_code?: string;
        failure_text?: string;
        sent?: string;
        received?: string;
      };
    }[];
  }[];
}

const stats = async (query = ''): Promise<Stat[]> =>
  (await world.api.get<{ results: Stat[] }>(`/api/pool/${world.pool.uuid}/runtime/server/hmonstat${query}`))
    .results;

describe('active monitors', () => {
  it('check a server once per SE and interval, however many pools share it', () =>
    world.instance.watched(async () => {
      const pool = await world.api.post('/api/pool', {
        name: 'second',
        health_monitor_refs: [monitor.url],
        servers: world.servers(),
      });
      const vs = await world.api.post('/api/virtualservice', {
        name: 'second',
        services: [{ port: world.port + 1 }],
        pool_ref: pool.url,
        vsvip_ref: world.vsvip.url,
      });
      await eventually(
        async () => {
          const found = await world.api.get<{ results: Server[] }>(`/api/pool/${pool.uuid}/runtime/server`);
          return (
            found.results.every((s) => s.oper_status.state === 'OPER_UP') ||
            Promise.reject(new Error('not up'))
          );
        },
        { within: 20_000, every: 50, what: 'the second pool to be up' },
      );
      // Two SEs check every 2 s, give or take the tenth by which checks are spread; one of them has both pools.
      for (const n of await checksWithin(10_000)) {
        expect(n).toBeGreaterThanOrEqual(8);
        expect(n).toBeLessThanOrEqual(12);
      }
      await edit(monitor, { allow_duplicate_monitors: true });
      await eventually(
        async () => {
          const found = await checksWithin(10_000);
          return found.every((n) => n > 12) || Promise.reject(new Error(found.join()));
        },
        { within: 45_000, every: 10, what: 'each pool to check for itself' },
      );
      await edit(monitor, { allow_duplicate_monitors: false });
      await world.api.delete(`/api/virtualservice/${vs.uuid}`);
      await world.api.delete(`/api/pool/${pool.uuid}`);
    }));

  it('leave servers alone that are disabled, and pools that nobody uses', () =>
    world.instance.watched(async () => {
      const [first, ...others] = world.servers();
      await edit(world.pool, { servers: [{ ...first, enabled: false }, ...others] });
      await states(['OPER_DISABLED', 'OPER_UP', 'OPER_UP']);
      const [disabled, enabled] = await checksWithin(3_000);
      expect(disabled).toBe(0);
      expect(enabled).toBeGreaterThan(0);
      await edit(world.vs, { enabled: false });
      await eventually(
        async () =>
          (await checksWithin(2_500)).every((n) => n === 0) || Promise.reject(new Error('still checked')),
        { within: 20_000, every: 10, what: 'no check for a disabled virtual service' },
      );
      await edit(world.vs, { enabled: true });
      await edit(world.pool, { servers: world.servers() });
      await states(['OPER_UP', 'OPER_UP', 'OPER_UP']);
    }));

  it('tell how often checks pass, on each SE, with what was said last', () =>
    world.instance.watched(async () => {
      await world.origins[0]!.set({ health: 'fail' });
      await states(['OPER_DOWN', 'OPER_UP', 'OPER_UP']);
      const [bad, good] = await eventually(
        async () => {
          const [first, second] = await stats();
          const failed = first?.health_monitor[0]?.checks_failed ?? 0;
          const passed = second?.health_monitor[0]?.checks_passed ?? 0;
          return (
            (failed >= 4 && passed >= 4 && [first!, second!]) ||
            Promise.reject(new Error(`${failed} ${passed}`))
          );
        },
        { within: 20_000, every: 200, what: 'counts of checks' },
      );
      expect(good.health_monitor[0]).toMatchObject({ name: 'hm', success_percent: 100, checks_failed: 0 });
      expect(bad.health_monitor[0]!.success_percent).toBeLessThan(100);
      expect(new Set(bad.health_monitor[0]!.service_engine.map((s) => `${s.se_name} ${s.state}`))).toEqual(
        new Set(['se-1 OPER_DOWN', 'se-2 OPER_DOWN']),
      );
      const [one] = await stats(`?server=${encodeURIComponent(bad.uuid)}&window=3600`);
      for (const { last_check } of one!.health_monitor[0]!.service_engine) {
        expect(last_check).toMatchObject({ passed: false, failure_code: 'RESPONSE_CODE_MISMATCH' });
        expect(last_check?.failure_text).toBe('status 503, wanted 2xx');
        expect(last_check?.sent).toMatch(/^GET \/health HTTP\/1\.0\\r\\nHost: /);
        expect(last_check?.received).toMatch(/^HTTP\/1\.1 503 /);
      }
      const whole = await world.api.get<{ results: Json[] }>(`/api/pool/${world.pool.uuid}/hmon`);
      expect(whole.results).toMatchObject([
        { name: 'hm', service_engine: [{ num_servers_up: 2, num_servers_down: 1 }, { num_servers_up: 2 }] },
      ]);
      await expect(stats('?window=5')).rejects.toThrow(/window must be 60 to 604800 seconds/);
      await expect(stats('?server=1.2.3.4:5')).rejects.toThrow(/404|not found/i);
      await world.origins[0]!.set({ health: 'ok' });
      await states(['OPER_UP', 'OPER_UP', 'OPER_UP']);
    }));

  it('name the reason in the state of the server and in its events', () =>
    world.instance.watched(async () => {
      await world.origins[1]!.set({ health: 'hang' });
      await world.origins[2]!.goAway('reset');
      await states(['OPER_UP', 'OPER_DOWN', 'OPER_DOWN']);
      const [, hung, gone] = await servers();
      for (const said of hung!.health_monitor)
        expect(said).toMatchObject({
          failure_code: 'NO_RESPONSE',
          failure_text: 'no answer within 1000 ms, 2 times in a row',
        });
      for (const said of gone!.health_monitor) expect(said.failure_code).toBe('CONNECTION_REFUSED');
      const event = (id: string, server: Server): Promise<unknown> =>
        eventually(
          async () => {
            const found = await world.api.get<{
              results: { event_id: string; event_description?: string }[];
            }>(`/api/analytics/logs?type=2&page_size=200&filter=eq(event_id,${id})`);
            const text = JSON.stringify(found.results);
            return text.includes(server.uuid) || Promise.reject(new Error(text));
          },
          { within: 10_000, every: 100, what: `${id} of ${server.uuid}` },
        );
      await event('SERVER_DOWN', hung!);
      await event('SERVER_DOWN', gone!);
      await world.origins[1]!.set({ health: 'ok' });
      await world.origins[2]!.comeBack();
      await states(['OPER_UP', 'OPER_UP', 'OPER_UP']);
      await event('SERVER_UP', gone!);
    }));

  it('see another port where the monitor names one, and the text of a TCP server', () =>
    world.instance.watched(async () => {
      // The port of the first origin stands for all.
      await edit(monitor, { monitor_port: world.origins[0]!.port });
      const [first, second] = await checksWithin(5_000);
      expect(second).toBe(0);
      expect(first).toBeGreaterThan(0);
      const tcp = await world.api.post('/api/healthmonitor', {
        name: 'tcp',
        type: 'HEALTH_MONITOR_TCP',
        send_interval: 2,
        receive_timeout: 1,
        tcp_monitor: { tcp_request: 'GET / HTTP/1.0\r\n\r\n', tcp_response: 'no such text' },
      });
      await edit(world.pool, { health_monitor_refs: [monitor.url, tcp.url] });
      await states(['OPER_DOWN', 'OPER_DOWN', 'OPER_DOWN']);
      for (const { health_monitor } of await servers())
        for (const said of health_monitor) expect(said.failure_code).toBe('PAYLOAD_CONTENT_MISMATCH');
      await edit(world.pool, { min_health_monitors_up: 1 });
      await states(['OPER_UP', 'OPER_UP', 'OPER_UP']);
      await world.api.patch(`/api/pool/${world.pool.uuid}`, {
        replace: { health_monitor_refs: [monitor.url] },
        delete: { min_health_monitors_up: 1 },
      });
      await world.api.patch(`/api/healthmonitor/${monitor.uuid}`, { delete: { monitor_port: 0 } });
    }));

  it('must be over before the next one starts', async () => {
    await expect(edit(monitor, { receive_timeout: 2 })).rejects.toThrow(
      /receive_timeout below send_interval/,
    );
  });

  it('are forgotten with the SE that made them', () =>
    world.instance.watched(async () => {
      await world.act('scalein');
      await world.placedOn(1);
      await states(['OPER_UP', 'OPER_UP', 'OPER_UP'], 1);
      const [first] = await stats();
      expect(first!.health_monitor[0]!.service_engine).toHaveLength(1);
    }));
});
