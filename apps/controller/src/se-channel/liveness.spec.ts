import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ownScopes, se } from '@spillway/protocol';
import { pino } from 'pino';
import { DataSource } from 'typeorm';
import { EventService } from '../event/index.js';
import { OperationRunner } from '../operation/operation-runner.js';
import { Reconciler } from '../placement/reconciler.js';
import { processStartTime } from '../ready-file.js';
import { ObjectCache } from '../store/index.js';
import { ChannelSe, type ChannelSeOptions, type SeIdentity } from '../testing/channel-se.js';
import { TestController } from '../testing/controller.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { until } from '../testing/until.js';
import { LivenessService, type LivenessSettings } from './liveness.service.js';
import { type SeDown, SeEvents } from './se-events.js';
import { SeSessions } from './sessions.js';
import { StatusIntake } from './status-intake.js';

/** Everything ten times as fast as in production. */
const QUICK: LivenessSettings = { tick: 10, heartbeatTimeout: 600, streamGrace: 150 };

let database: TestDatabase;
let controller: TestController;
let liveness: LivenessService | undefined;
let off: () => void = () => undefined;
const down: SeDown[] = [];
const open: ChannelSe[] = [];
const enrolled: SeIdentity[] = [];
let made = 0;

/** Judges in the place of the controller's own, with these settings and this way to the database. */
function judge(settings: Partial<LivenessSettings> = {}, dataSource = controller.db): LivenessService {
  const service = new LivenessService(
    dataSource,
    controller.get(ObjectCache),
    controller.get(SeSessions),
    controller.get(StatusIntake),
    controller.get(SeEvents),
    controller.get(EventService),
    pino({ level: 'silent' }),
    { ...QUICK, ...settings },
  );
  liveness = service;
  service.start();
  return service;
}

async function attach(options: ChannelSeOptions = {}, known?: SeIdentity): Promise<ChannelSe> {
  made += 1;
  const identity = known ?? (await controller.enrolled(`live-${made}`));
  if (known === undefined) enrolled.push(identity);
  const fake = new ChannelSe(identity, { heartbeat: 50, ...options });
  open.push(fake);
  await until(
    () => state(identity),
    (s) => s.connected,
    'connected',
  );
  return fake;
}

async function state(identity: SeIdentity): Promise<{ connected: boolean; oper: string; reason: string }> {
  const [row]: { connected: boolean; oper_state: string; oper_reason: string }[] = await controller.db.query(
    'SELECT connected, oper_state, oper_reason FROM se_runtime WHERE se_uuid = $1',
    [identity.seUuid],
  );
  return { connected: row?.connected ?? false, oper: row?.oper_state ?? '', reason: row?.oper_reason ?? '' };
}

const isDown = (identity: SeIdentity) =>
  until(
    () => down.find((d) => d.seUuid === identity.seUuid),
    (d) => d !== undefined,
    `${identity.seName} down`,
  );

/** Waits until an event is recorded, which nobody waits for in production. */
const recorded = async (uuid: string, eventId: string): Promise<void> => {
  await until(
    (): Promise<unknown[]> =>
      controller.db.query('SELECT 1 FROM event WHERE obj_uuid = $1 AND event_id = $2', [uuid, eventId]),
    (list) => list.length > 0,
    eventId,
  );
};

beforeAll(async () => {
  database = await testDatabase();
  controller = await TestController.start(await database.fresh());
  await controller.get(Reconciler).onApplicationShutdown();
  await controller.get(OperationRunner).onApplicationShutdown();
  await controller.get(LivenessService).close();
  off = controller.get(SeEvents).on('down', (e) => down.push(e));
}, 60_000);

afterEach(async () => {
  await liveness?.close();
  for (const fake of open.splice(0)) fake.close();
  // Each test has its own SEs: those of the one before are no loss of this one.
  for (const { seUuid } of enrolled.splice(0)) {
    await until(
      () => controller.get(SeSessions).get(seUuid),
      (s) => s === undefined,
      'the stream to end',
    );
    await controller.db.query(
      `UPDATE se_runtime SET oper_state = 'OPER_DOWN', connected = false WHERE se_uuid = $1`,
      [seUuid],
    );
  }
  down.length = 0;
});

afterAll(async () => {
  off();
  await controller?.stop();
  await database?.stop();
}, 60_000);

describe('an SE', () => {
  it('whose stream is lost is down after the grace, with all that it said, and up when it is back', async () => {
    const fake = await attach();
    const { vs, pool } = await controller.service('graced', '127.0.60.1');
    const epoch = await controller.place(vs, fake.identity.seUuid);
    const active = { virtualServiceUuid: vs, vipId: '0', state: se.PlacementState.ACTIVE, epoch };
    fake.status(
      [se.PlacementStatus.fromPartial(active)],
      [se.ServerStatus.fromPartial({ poolUuid: pool, server: '10.0.0.1:80', up: true, changedAt: 1 })],
      true,
    );
    const observed = async (): Promise<string> => {
      const [row]: { observed: string }[] = await controller.db.query(
        'SELECT observed FROM placement WHERE vs_uuid = $1',
        [vs],
      );
      return row?.observed ?? '';
    };
    await until(observed, (o) => o === 'active', 'active');
    judge();
    fake.close();
    expect(await isDown(fake.identity)).toMatchObject({
      reason: 'its stream did not come back',
      fenced: false,
    });
    expect(await state(fake.identity)).toEqual({
      connected: false,
      oper: 'OPER_DOWN',
      reason: 'its stream did not come back',
    });
    await until(observed, (o) => o === 'pending', 'pending');
    expect(
      await controller.db.query('SELECT 1 FROM server_verdict WHERE se_uuid = $1', [fake.identity.seUuid]),
    ).toEqual([]);
    await attach({}, fake.identity);
    await recorded(fake.identity.seUuid, 'SE_DOWN');
    await recorded(fake.identity.seUuid, 'SE_UP');
    expect((await state(fake.identity)).oper).toBe('OPER_UP');
  }, 15_000);

  it('that is back within the grace was never down', async () => {
    const fake = await attach();
    // Long enough for the stream to be back, and passed before the test ends.
    judge({ streamGrace: 400 });
    const witness = await attach();
    fake.close();
    await until(
      () => state(fake.identity),
      (s) => !s.connected,
      'disconnected',
    );
    const back = await attach({}, fake.identity);
    witness.close();
    await isDown(witness.identity);
    expect(down.map((d) => d.seUuid)).toEqual([witness.identity.seUuid]);
    expect((await state(back.identity)).oper).toBe('OPER_UP');
  }, 15_000);

  it('that is attached here and was declared down elsewhere attaches anew', async () => {
    const fake = await attach();
    judge({ streamGrace: 300 });
    await controller.db.query(
      "UPDATE se_runtime SET oper_state = 'OPER_DOWN', connected = false WHERE se_uuid = $1",
      [fake.identity.seUuid],
    );
    expect((await fake.got('goodbye')).body?.value).toEqual({ reason: 'declared down: attach again' });
    await attach({}, fake.identity);
    await recorded(fake.identity.seUuid, 'SE_UP');
    expect((await state(fake.identity)).oper).toBe('OPER_UP');
    expect(down).toEqual([]);
  });

  it('that sends no heartbeats is told, ended and down', async () => {
    const fake = await attach({ heartbeat: 0 });
    judge({ streamGrace: 0 });
    expect((await fake.got('goodbye')).body?.value).toEqual({ reason: 'no heartbeats' });
    await isDown(fake.identity);
    await recorded(fake.identity.seUuid, 'SE_HEARTBEAT_FAILURE');
  }, 15_000);

  it('whose processes have ended is down at once, without any grace', async () => {
    const child = spawn('sleep', ['60']);
    const pid = child.pid ?? 0;
    const host = {
      pidScope: ownScopes().pidScope,
      supervisorPid: pid,
      supervisorStartTime: processStartTime(pid),
    };
    const fake = await attach({ host });
    judge({ streamGrace: 3_600_000, heartbeatTimeout: 300 });
    child.kill('SIGKILL');
    await once(child, 'exit');
    fake.close();
    expect(await isDown(fake.identity)).toMatchObject({ fenced: true, reason: 'its processes have ended' });
  }, 15_000);
});

describe('the controller', () => {
  it('judges nobody for one heartbeat time-out after its start, and then those that did not come', async () => {
    const absent = await attach();
    const late = await attach();
    for (const fake of [absent, late]) {
      fake.close();
      await until(
        () => state(fake.identity),
        (s) => !s.connected,
        'disconnected',
      );
    }
    // As an earlier life left them: connected, and heard last long ago.
    await controller.db.query(
      `UPDATE se_runtime SET connected = true, last_seen = clock_timestamp() - interval '1 hour' WHERE se_uuid = ANY($1)`,
      [[absent.identity.seUuid, late.identity.seUuid]],
    );
    const started = performance.now();
    judge({ heartbeatTimeout: 800 });
    await attach({}, late.identity);
    await isDown(absent.identity);
    expect(performance.now() - started).toBeGreaterThanOrEqual(800);
    expect(down.map((d) => d.seUuid)).toEqual([absent.identity.seUuid]);
  }, 15_000);

  it('that lost the database gives nobody up, and waits again after it is back', async () => {
    const fake = await attach();
    let away = false;
    let refused = 0;
    const flaky = {
      query: (sql: string, parameters?: unknown[]) => {
        if (!away) return controller.db.query(sql, parameters);
        refused += 1;
        return Promise.reject(new Error('the database is away'));
      },
    } as unknown as DataSource;
    judge({ heartbeatTimeout: 500, streamGrace: 100 }, flaky);
    away = true;
    fake.close();
    await until(
      () => refused,
      (n) => n > 60,
      'sixty looks in vain',
    );
    expect(down).toEqual([]);
    away = false;
    const back = performance.now();
    await isDown(fake.identity);
    expect(performance.now() - back).toBeGreaterThanOrEqual(450);
  }, 15_000);

  it('holds mass failover until they are back', async () => {
    const fakes: ChannelSe[] = [];
    for (let n = 0; n < 4; n += 1) fakes.push(await attach());
    const service = judge({ streamGrace: 100, heartbeatTimeout: 300 });
    const [stays, ...lost] = fakes;
    for (const fake of lost) fake.close();
    await until(
      () => service.held.size,
      (n) => n === 3,
      'three held',
    );
    expect(down).toEqual([]);
    const group = controller.named('serviceenginegroup', 'Default-Group');
    await recorded(group, 'SE_FAILOVER_HELD');
    for (const fake of lost) await attach({}, fake.identity);
    await until(
      () => service.held.size,
      (n) => n === 0,
      'nobody held',
    );
    expect(down).toEqual([]);
    expect((await state(stays!.identity)).oper).toBe('OPER_UP');
  }, 15_000);
});
