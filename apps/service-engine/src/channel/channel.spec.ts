import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { se } from '@spillway/protocol';
import {
  eventually,
  freeLoopback,
  freePort,
  repository,
  RunningProcess,
  Scope,
  startOrigin,
  type Origin,
} from '@spillway/testing';
import { FakeController, type FakeOptions } from '../testing/fake-controller.js';

jest.setTimeout(60_000);
let scope: Scope;
let dir: string;
beforeEach(async () => {
  scope = new Scope('channel');
  dir = join(await scope.tempDir(), 'se');
});
afterEach(async () => await scope.close());

async function controller(options: FakeOptions = {}): Promise<FakeController> {
  const fake = await FakeController.start(options);
  scope.defer('controller', () => fake.close());
  return fake;
}

const start = (controllers: string, token: string): Promise<RunningProcess> =>
  RunningProcess.start(
    scope,
    join(repository, 'node_modules/bun/bin/bun.exe'),
    [join(repository, 'apps/service-engine/dist/main.js'), 'run', '--dir', dir],
    {
      name: 'se-1',
      env: {
        SPILLWAY_CONTROLLER: controllers,
        SPILLWAY_ENROLMENT_TOKEN: token,
        SPILLWAY_SE_NAME: 'se-1',
        SPILLWAY_WORKERS: '1',
        SPILLWAY_FENCE_DIR: join(dir, 'fence'),
      },
    },
  );

const until = (what: string, condition: () => unknown, se_?: RunningProcess, within = 15_000) =>
  eventually(() => Boolean(condition()), {
    what: `${what}\n${se_?.output().slice(-3000) ?? ''}`,
    within,
    every: 5,
  });

const SETTINGS = {
  se_uuid: 'serviceengine-1',
  se_name: 'se-1',
  cluster_uuid: 'cluster-1',
  se_group_uuid: 'serviceenginegroup-1',
  vip_distribution: 'host',
  dp_hb_frequency: 100,
  dp_hb_timeout_count: 6,
  heartbeat_interval: 100,
};

/** One TCP virtual service in front of an origin. */
class Service {
  readonly vip = freeLoopback();
  private constructor(
    readonly origin: Origin,
    readonly port: number,
  ) {}

  static async make(): Promise<Service> {
    const origin = await startOrigin(scope, { name: 'web' });
    return new Service(origin, await freePort());
  }

  settings = (): [string, string, unknown] => ['settings', 'self', SETTINGS];
  pool = (port = this.origin.port): [string, string, unknown] => [
    'pool',
    'pool-1',
    {
      uuid: 'pool-1',
      name: 'pool-1',
      enabled: true,
      algorithm: 'round_robin',
      servers: [{ address: this.origin.host, port, hostname: '', state: 'enabled', ratio: 1 }],
      health_monitor_uuids: [],
      min_servers_up: 1,
      graceful_disable_timeout: 0,
      connect_timeout: 1000,
      max_idle_connections: 8,
    },
  ];
  service = (): [string, string, unknown] => [
    'virtual_service',
    'vs-1',
    {
      uuid: 'vs-1',
      name: 'vs-1',
      tenant: 'admin',
      enabled: true,
      vips: [{ vip_id: '0', address: this.vip }],
      services: [{ port: this.port, port_range_end: this.port }],
      application: { type: 'tcp', tcp: { idle_timeout: 0 } },
      pool_uuid: 'pool-1',
    },
  ];
  placement = (state = 'active', epoch = 1): [string, string, unknown] => [
    'placement',
    'vs-1#0',
    { virtual_service_uuid: 'vs-1', vip_id: '0', state, primary: true, epoch, drain_timeout: 300 },
  ];
  all = (): [string, string, unknown][] => [this.settings(), this.pool(), this.service(), this.placement()];

  async answer(): Promise<string> {
    return await (
      await fetch(`http://${this.vip}:${this.port}/`, { headers: { connection: 'close' } })
    ).text();
  }
}

const states = (c: FakeController): string[] =>
  c.of('status').flatMap((s) => s.placements.map((p) => p.state));

describe('an SE and its controller', () => {
  it('enrols, applies, acks, reports, and refuses what it cannot run', async () => {
    const fake = await controller();
    const service = await Service.make();
    const running = await start(fake.api, fake.token);
    await until('a hello', () => fake.hellos.length === 1, running);
    expect(fake.hellos[0]).toMatchObject({ seUuid: 'serviceengine-1', epoch: 0, generation: 0 });
    expect(fake.hellos[0]?.host?.supervisorPid).toBe(running.pid);
    expect(fake.hellos[0]?.modes.find((m) => m.mode === 'host')?.available).toBe(true);
    for (const file of ['key.pem', 'certificate.pem', 'ca.pem', 'identity.json'])
      expect(statSync(join(dir, 'identity', file)).mode & 0o777).toBe(0o600);

    fake.configure(5, service.all());
    await until('an ack', () => fake.of('ack').some((a) => a.generation === 5), running);
    await until('it to be active', () => states(fake).includes(se.PlacementState.ACTIVE), running);
    expect(await service.answer()).toBe('web\n');
    expect(fake.of('status')[0]?.full).toBe(true);
    await until(
      'the request to be counted',
      () =>
        fake
          .of('heartbeat')
          .at(-1)
          ?.virtualServices.some((v) => v.connectionsOpened === 1),
      running,
    );

    fake.configure(6, [['pool', 'pool-1', { uuid: 'pool-1', colour: 'red' }]], { full: false });
    await until('a nack', () => fake.of('nack').length === 1, running);
    expect(fake.of('nack')[0]).toMatchObject({ generation: 6, code: 'SNAPSHOT_INVALID' });
    expect(fake.of('nack')[0]?.path).toContain('pool/pool-1');
    fake.configure(7, [], { full: false, remove: ['pool/pool-1'] });
    await until('a nack', () => fake.of('nack').length === 2, running);
    fake.configure(8, [service.placement('active', 0)], { full: false });
    await until('a nack', () => fake.of('nack').length === 3, running);
    expect(fake.of('nack')[2]).toMatchObject({ code: 'PLACEMENT_EPOCH_STALE', path: 'placement/vs-1#0' });
    fake.configure(9, service.all(), { epoch: 0 });
    await until('a nack', () => fake.of('nack').length === 4, running);
    expect(fake.of('nack')[3]?.code).toBe('EPOCH_STALE');
    expect(await service.answer()).toBe('web\n');

    // What was refused is not part of what a later delta changes.
    fake.configure(10, [service.placement('drain')], { full: false });
    await until('it to be drained', () => states(fake).at(-1) === se.PlacementState.DRAINED, running);
    await expect(service.answer()).rejects.toThrow('fetch failed');
    fake.configure(11, [service.placement('active', 2)], { full: false });
    await until('it to be active again', () => states(fake).at(-1) === se.PlacementState.ACTIVE, running);
    expect(await service.answer()).toBe('web\n');
  });

  it('serves from disk without a controller, and says what it runs when it is back', async () => {
    const fake = await controller();
    const service = await Service.make();
    let running = await start(fake.api, fake.token);
    await until('a stream', () => fake.connected, running);
    fake.configure(5, service.all());
    await until('it to be active', () => states(fake).includes(se.PlacementState.ACTIVE), running);
    await fake.close();
    await running.stop({ signal: 'SIGKILL' });
    const began = performance.now();
    running = await start(fake.api, '');
    await eventually(async () => (await service.answer()) === 'web\n', { what: 'it to serve', every: 5 });
    expect(performance.now() - began).toBeLessThan(4_000);
    const before = fake.hellos.length;
    await fake.listen();
    await until('it to attach', () => fake.hellos.length > before, running);
    expect(fake.hellos.at(-1)).toMatchObject({ epoch: 1, generation: 5 });
    // A delta is told against what it said it runs.
    fake.configure(6, [service.placement('active', 2)], { full: false });
    await until('an ack', () => fake.of('ack').some((a) => a.generation === 6), running);
    expect(fake.enrolled).toBe(1);
  });

  it('a damaged snapshot on disk is not served, the one before it is', async () => {
    const fake = await controller();
    const service = await Service.make();
    const running = await start(fake.api, fake.token);
    await until('a stream', () => fake.connected, running);
    fake.configure(5, service.all());
    fake.configure(6, [service.placement('active', 2)], { full: false });
    await until('an ack', () => fake.of('ack').some((a) => a.generation === 6), running);
    await fake.close();
    await running.stop({ signal: 'SIGKILL' });
    const { writeFileSync } = await import('node:fs');
    const file = join(dir, 'snapshot.json');
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 200));
    const again = await start(fake.api, '');
    await eventually(async () => (await service.answer()) === 'web\n', { what: 'it to serve', every: 5 });
    expect(again.output()).toContain('a snapshot on disk cannot be used');
    const served = '"generation":5,"msg":"serving from disk"';
    // What is served may be seen before what is logged of it.
    await eventually(() => again.output().includes(served), { what: served });
  });

  it('renews its certificate at two thirds of its life, and after an outage longer than it', async () => {
    const fake = await controller({ lifetime: 3_000 });
    const running = await start(fake.api, fake.token);
    await until('a renewal', () => fake.renewed.grpc >= 1, running);
    fake.configure(1, [['settings', 'self', SETTINGS]]);
    await until('an ack', () => fake.of('ack').length === 1, running);
    await fake.close();
    const end = Date.now() + 4_000;
    await until('the certificate to run out', () => Date.now() > end);
    const before = fake.hellos.length;
    fake.lifetime = 3_600_000;
    await fake.listen();
    await until('it to attach', () => fake.hellos.length > before, running);
    expect(fake.renewed.rest).toBe(1);
    expect(fake.enrolled).toBe(1);
    expect(new Set(fake.serials).size).toBe(2);
  });

  it('trusts only the CA that its token pins', async () => {
    const [right, wrong] = [await controller(), await controller()];
    const running = await start(wrong.api, right.token);
    await until('a refusal', () => running.output().includes('enrolment token pins'), running);
    expect(wrong.enrolled).toBe(0);
    expect(existsSync(join(dir, 'identity', 'identity.json'))).toBe(false);
  });

  it('finds the controller that is there', async () => {
    const fake = await controller();
    const dead = await freePort();
    const running = await start(`https://127.0.0.1:${dead},${fake.api}`, fake.token);
    await until('it to attach', () => fake.connected, running);
  });

  it('tells that it stops, waits for the controller to place elsewhere, and drains', async () => {
    const fake = await controller();
    const service = await Service.make();
    const running = await start(fake.api, fake.token);
    await until('a stream', () => fake.connected, running);
    fake.configure(5, service.all());
    await until('it to be active', () => states(fake).includes(se.PlacementState.ACTIVE), running);
    running.signal('SIGTERM');
    await until('it to say so', () => fake.of('stopping').length === 1, running);
    expect(fake.of('stopping')[0]?.drainTimeoutMs).toBe(300);
    expect(await service.answer()).toBe('web\n');
    fake.configure(6, [service.placement('drain')], { full: false });
    expect(await running.exited).toEqual({ code: 0, signal: null });
    expect(states(fake).at(-1)).toBe(se.PlacementState.DRAINED);
  });

  it('released, it forgets everything and ends', async () => {
    const fake = await controller();
    const service = await Service.make();
    const running = await start(fake.api, fake.token);
    await until('a stream', () => fake.connected, running);
    fake.configure(5, service.all());
    await until('an ack', () => fake.of('ack').length === 1, running);
    fake.send({ $case: 'release', value: { reason: 'deleted' } });
    expect(await running.exited).toEqual({ code: 0, signal: null });
    expect(existsSync(join(dir, 'snapshot.json'))).toBe(false);
    expect(existsSync(join(dir, 'identity'))).toBe(false);
    expect(existsSync(join(dir, 'supervisor.json'))).toBe(false);
  });
});
