import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { assemble, parseSnapshot } from '@spillway/snapshot';
import { Registry } from 'prom-client';
import type { ChannelSe } from '../testing/channel-se.js';
import { ChannelSe as Se } from '../testing/channel-se.js';
import { filled, TestController } from '../testing/controller.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { until } from '../testing/until.js';
import { OperationRunner } from '../operation/operation-runner.js';
import { Reconciler } from '../placement/reconciler.js';
import { DeliveryService } from './delivery.service.js';

let database: TestDatabase;
let controller: TestController;
const open: ChannelSe[] = [];
let made = 0;

/** An SE and a service that is placed on it, both new. */
async function placed(): Promise<{ se: ChannelSe; vs: string; pool: string; vsvip: string }> {
  made += 1;
  const identity = await controller.enrolled(`se-${made}`);
  const service = await controller.service(`service-${made}`, `127.0.20.${made}`);
  await controller.place(service.vs, identity.seUuid);
  const se = attach(new Se(identity));
  await se.change(1);
  return { se, ...service };
}

const attach = (se: ChannelSe): ChannelSe => {
  open.push(se);
  return se;
};

const servers = (...addresses: string[]) => ({
  servers: addresses.map((addr) => ({ ip: { addr, type: 'V4' } })),
});

const ids = (se: ChannelSe): string[] => [...se.fragments.keys()].toSorted();

const addresses = (se: ChannelSe, pool: string): string[] => {
  const fragment = se.fragments.get(`pool/${pool}`);
  return fragment?.type === 'pool' ? fragment.body.servers.map((s) => s.address) : [];
};

const runtime = async (seUuid: string): Promise<Record<string, unknown>> => {
  const [row]: Record<string, unknown>[] = await controller.db.query(
    'SELECT * FROM se_runtime WHERE se_uuid = $1',
    [seUuid],
  );
  return row ?? {};
};

/** Waits until nothing is on its way any more. */
const settled = async (): Promise<void> =>
  controller.get(DeliveryService).whenLive(controller.cache.generation);

/** Refuses what is of an old epoch, as an SE does that runs something newer. */
function refuseOnce(se: ChannelSe): undefined {
  for (const { epoch, generation } of se.changes.splice(0))
    se.say({ $case: 'nack', value: { epoch, generation, code: 'EPOCH_STALE', reason: 'older', path: '' } });
}

beforeAll(async () => {
  database = await testDatabase();
  controller = await TestController.start(await database.fresh());
  // What is placed is written here by hand.
  await controller.get(Reconciler).onApplicationShutdown();
  await controller.get(OperationRunner).onApplicationShutdown();
}, 60_000);

afterEach(() => {
  for (const se of open.splice(0)) se.close();
});

afterAll(async () => {
  await controller?.stop();
  await database?.stop();
}, 60_000);

describe('delivery', () => {
  it('gives an SE that connects a whole snapshot that it accepts', async () => {
    const { se, vs, pool } = await placed();
    expect(se.changes[0]).toMatchObject({ full: true, epoch: controller.cache.epoch });
    expect(ids(se)).toEqual([`placement/${vs}#0`, `pool/${pool}`, 'settings/self', `virtual_service/${vs}`]);
    parseSnapshot(assemble(se.fragments.values(), se.epoch, se.generation));
    await until(
      () => runtime(se.identity.seUuid),
      (r) => Number(r['generation']) === se.generation,
      'the acked generation',
    );
  });

  it('sends a change only to the SE that it concerns, and only what changed', async () => {
    const one = await placed();
    const two = await placed();
    await controller.update('pool', one.pool, servers('10.0.0.7', '10.0.0.8'));
    const change = await one.se.change(2);
    expect(change.full).toBe(false);
    expect(change.put.map((f) => `${f.type}/${f.key}`)).toEqual([`pool/${one.pool}`]);
    expect(addresses(one.se, one.pool)).toEqual(['10.0.0.7', '10.0.0.8']);
    await settled();
    expect(two.se.changes).toHaveLength(1);
  });

  it('sends nothing for a change that alters nothing for the SE', async () => {
    const { se, pool } = await placed();
    await controller.update('pool', pool, { description: 'only for people' });
    await settled();
    expect(se.changes).toHaveLength(1);
  });

  it('removes what is no longer placed', async () => {
    const { se, vs } = await placed();
    const [row]: { id: string }[] = await controller.db.query('SELECT id FROM placement WHERE vs_uuid = $1', [
      vs,
    ]);
    await controller.db.transaction(async (manager) => {
      await manager.query('DELETE FROM placement WHERE id = $1', [row?.id]);
      await controller.store.touch(manager, 'placement', row?.id ?? '', 'deleted');
    });
    await se.change(2);
    expect(ids(se)).toEqual(['settings/self']);
  });

  it('coalesces what a slow SE has not answered to the newest', async () => {
    const { se, pool } = await placed();
    se.answer = false;
    await controller.update('pool', pool, servers('10.0.1.1'));
    const second = await se.change(2);
    for (let n = 2; n <= 40; n += 1) await controller.update('pool', pool, servers(`10.0.1.${n}`));
    expect(se.changes).toHaveLength(2);
    se.answer = true;
    se.ack(second);
    const third = await se.change(3);
    await settled();
    expect(addresses(se, pool)).toEqual(['10.0.1.40']);
    expect(se.changes).toHaveLength(3);
    expect(third.generation).toBe(controller.cache.generation);
  });

  it('keeps a refusal, shows it, and tries again with the next change', async () => {
    const { se, pool } = await placed();
    se.refuse = () => 'port 80 is not mine';
    await controller.update('pool', pool, servers('10.0.2.1'));
    // The delta, and once the whole.
    const whole = await se.change(3);
    expect([se.changes[1]?.full, whole.full]).toEqual([false, true]);
    const row = await until(
      () => runtime(se.identity.seUuid),
      (r) => (r['last_nack'] as { generation?: number } | null)?.generation === whole.generation,
      'the refusal',
    );
    expect(row['last_nack']).toMatchObject({
      code: 'TEST_REFUSED',
      reason: 'port 80 is not mine',
      path: 'pools.0',
    });
    expect(Number(row['generation'])).toBe(se.changes[0]?.generation);
    await settled();
    expect(se.changes).toHaveLength(3);
    se.refuse = () => undefined;
    await controller.update('pool', pool, servers('10.0.2.2'));
    await se.change(4);
    await settled();
    expect(addresses(se, pool)).toEqual(['10.0.2.2']);
    await until(
      () => runtime(se.identity.seUuid),
      (r) => r['last_nack'] === null && Number(r['generation']) === se.generation,
      'no refusal any more',
    );
  });

  it('sends an SE that comes back only what it missed, and the whole to one that runs something else', async () => {
    const { se, pool } = await placed();
    await settled();
    se.close();
    await until(
      () => runtime(se.identity.seUuid),
      (r) => r['connected'] === false,
      'disconnected',
    );
    await controller.update('pool', pool, servers('10.0.3.1'));
    const back = attach(
      new Se(se.identity, { epoch: se.epoch, generation: se.generation, fragments: se.fragments }),
    );
    const missed = await back.change(1);
    expect(missed.full).toBe(false);
    expect(addresses(back, pool)).toEqual(['10.0.3.1']);
    const same = attach(
      new Se(se.identity, { epoch: back.epoch, generation: back.generation, fragments: back.fragments }),
    );
    await same.got('welcome');
    await settled();
    expect(same.changes).toHaveLength(0);
    const stale = attach(new Se(se.identity, { epoch: se.epoch, generation: 1 }));
    expect((await stale.change(1)).full).toBe(true);
  });

  it('says on the placement why a virtual service cannot be served, and takes it back', async () => {
    const { se, vs, vsvip } = await placed();
    const observed = async (): Promise<Record<string, unknown>> => {
      const [row]: Record<string, unknown>[] = await controller.db.query(
        'SELECT observed, code, reason FROM placement WHERE vs_uuid = $1',
        [vs],
      );
      return row ?? {};
    };
    await controller.update('vsvip', vsvip, { vip: [{ vip_id: '0', auto_allocate_ip: true }] });
    await se.change(2);
    expect(ids(se)).toEqual(['settings/self']);
    const row = await until(observed, (r) => r['observed'] === 'failed', 'the placement fails');
    expect(row).toMatchObject({ code: 'VIP_MISSING', reason: expect.stringContaining('ip_address') });
    // The SE knows nothing of it, and that does not wipe the reason away.
    se.status([], [], true);
    se.heartbeat();
    await until(
      () => runtime(se.identity.seUuid),
      (r) => r['heartbeat'] !== null,
      'the heartbeat behind the status',
    );
    expect((await observed())['observed']).toBe('failed');
    await controller.update('vsvip', vsvip, {
      vip: [{ vip_id: '0', ip_address: { addr: '127.0.20.200', type: 'V4' } }],
    });
    await se.change(3);
    expect(ids(se)).toContain(`virtual_service/${vs}`);
  });

  it('cuts a large snapshot into parts and puts many virtual services through', async () => {
    const identity = await controller.enrolled('large');
    for (let n = 0; n < 4; n += 1) {
      const { vs, pool } = await controller.service(`large-${n}`, `127.0.30.${n + 1}`);
      await controller.update(
        'pool',
        pool,
        servers(...Array.from({ length: 5000 }, (_, i) => `10.${n}.${i >> 8}.${i & 255}`)),
      );
      await controller.place(vs, identity.seUuid);
    }
    const se = attach(new Se(identity));
    await se.change(1);
    const parts = se.received.filter((m) => m.body?.$case === 'configUpdate');
    expect(parts.length).toBeGreaterThan(1);
    expect(ids(se)).toHaveLength(13);
  });

  it('raises nothing over a restore: a new epoch is sent whole', async () => {
    const { se, pool } = await placed();
    await settled();
    await controller.db.query('UPDATE cluster_state SET epoch = epoch + 1');
    await controller.update('pool', pool, servers('10.0.4.1'));
    const change = await se.change(2);
    expect(change).toMatchObject({ full: true, epoch: controller.cache.epoch });
    expect(change.epoch).toBe((se.changes[0]?.epoch ?? 0) + 1);
  });

  it('takes SEs along when the database was set back behind them', async () => {
    const { se, pool } = await placed();
    await settled();
    const { epoch, generation } = controller.cache;
    const ahead = attach(new Se(se.identity, { epoch, generation: generation + 50, answer: false }));
    const whole = await until(
      () => ahead.changes.find((c) => c.epoch > epoch) ?? (ahead.changes[0] && refuseOnce(ahead)),
      (c) => c !== undefined,
      'a higher epoch',
    );
    expect(whole).toMatchObject({ full: true, epoch: epoch + 1 });
    expect(controller.cache.generation).toBeGreaterThan(generation + 50);
    ahead.ack(whole!);
    ahead.answer = true;
    await controller.update('pool', pool, servers('10.0.8.1'));
    await until(
      () => addresses(ahead, pool),
      (list) => list[0] === '10.0.8.1',
      'the change',
    );
  });

  it('measures the time until a change is live', async () => {
    const { se, pool } = await placed();
    const registry = controller.get(Registry);
    const count = async (): Promise<number> => {
      const metric = await registry.getSingleMetric('spillway_config_live_seconds')?.get();
      const found = metric?.values.find((v) => (v as { metricName?: string }).metricName?.endsWith('_count'));
      return found?.value ?? 0;
    };
    await settled();
    const before = await count();
    for (let n = 1; n <= 20; n += 1) {
      await controller.update('pool', pool, servers(`10.0.5.${n}`));
      await se.change(1 + n);
      await settled();
    }
    expect((await count()) - before).toBe(20);
  });

  it('a replica that missed notifications catches up, and SEs with it', async () => {
    const { se, pool } = await placed();
    // Every connection that listens is cut, so that nobody is told of the next change.
    await controller.db.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'spillway-listen' AND datname = current_database()",
    );
    await controller.db.transaction(async (manager) => {
      const tx = await controller.store.within(manager);
      const spec = controller.cache.get(pool)?.spec ?? {};
      await tx.replace('pool', pool, filled('pool', { ...spec, ...servers('10.0.6.1') }));
    });
    await se.change(2);
    expect(addresses(se, pool)).toEqual(['10.0.6.1']);
  }, 15_000);

  it('a second replica delivers what the first one wrote', async () => {
    const { se, pool } = await placed();
    const url = String((controller.db.options as { url?: string }).url);
    const second = await TestController.start(url, undefined, {
      SPILLWAY_SECRET_KEY_FILE: join(controller.dir, 'secret.key'),
    });
    try {
      const moved = attach(
        new Se(
          { ...se.identity, grpc: second.grpc },
          { epoch: se.epoch, generation: se.generation, fragments: se.fragments },
        ),
      );
      await moved.change(1);
      await controller.update('pool', pool, servers('10.0.7.1'));
      await moved.change(2);
      expect(addresses(moved, pool)).toEqual(['10.0.7.1']);
      // The first replica sees its stream end later, and that does not undo what the second wrote.
      se.close();
      await until(
        () => controller.get(DeliveryService).streams,
        (n) => n === 0,
        'the old stream to end',
      );
      await until(
        () => runtime(se.identity.seUuid),
        (r) => r['connected'] === true,
        'connected to the second',
      );
    } finally {
      await second.stop();
    }
  }, 30_000);
});
