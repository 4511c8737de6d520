import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Scope } from '@spillway/testing';
import { countsOf, serversAre } from '../support/counts.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
const UP = ['OPER_UP', 'OPER_UP', 'OPER_UP'];

beforeAll(async () => {
  scope = new Scope('joining');
  world = await World.create(scope, { serviceEngines: 2 });
  await world.instance.watched(async () => {
    const monitor = await world.api.post('/api/healthmonitor', {
      name: 'patient',
      type: 'HEALTH_MONITOR_HTTP',
      send_interval: 60,
      receive_timeout: 50,
      failed_checks: 50,
      http_monitor: { http_request: 'GET /health HTTP/1.0', http_response_code: ['HTTP_2XX'] },
    });
    await world.api.patch(`/api/pool/${world.pool.uuid}`, {
      replace: { health_monitor_refs: [monitor.url] },
    });
    await serversAre(world, UP);
  });
});
afterAll(async () => scope?.close());

it('an SE that joins serves by what the others know, while its own checks have no answer yet', () =>
  world.instance.watched(async () => {
    for (const origin of world.origins) await origin.set({ health: 'hang' });
    await world.act('scaleout');
    await world.placedOn(2);
    const roots = await world.instance.serviceEngineRoots();
    const before = await Promise.all(world.origins.map(async (o) => (await o.counters()).requests));
    const { perSe, failures } = await world.probe.spread({
      host: world.vip4,
      port: world.port,
      connections: 200,
      batch: 50,
      roots,
    });
    const after = await Promise.all(world.origins.map(async (o) => (await o.counters()).requests));
    expect(failures).toEqual([]);
    expect(Object.keys(perSe)).toHaveLength(2);
    expect(after.map((n, i) => n - before[i]!).reduce((sum, n) => sum + n)).toBe(200);
    expect((await countsOf(world, 60)).every((n) => n > 0)).toBe(true);
  }));
