import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { se } from '@spillway/protocol';
import { DataSource } from 'typeorm';
import { dataSourceOptions, migrate } from '../database/options.js';
import { Housekeeping } from '../queue/housekeeping.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { MonitorCountIntake } from './monitor-counts.js';

let database: TestDatabase;
let db: DataSource;

const makeIntake = (): MonitorCountIntake =>
  new MonitorCountIntake(
    db,
    { get: (uuid) => (uuid.startsWith('pool-') ? ({ kind: 'pool' } as never) : undefined) },
    (error) => {
      throw error;
    },
  );

const counts = (
  poolUuid: string,
  servers: readonly [server: string, passed: number, failed: number][],
  healthMonitorUuid = 'healthmonitor-1',
): se.MonitorCounts => ({
  counts: [
    {
      poolUuid,
      healthMonitorUuid,
      servers: servers.map(([server, passed, failed]) => ({ server, passed, failed })),
    },
  ],
});

beforeAll(async () => {
  database = await testDatabase();
  db = await new DataSource(dataSourceOptions(await database.fresh())).initialize();
  await migrate(db);
}, 60_000);

afterAll(async () => {
  await db?.destroy();
  await database?.stop();
}, 60_000);

describe('counts of health checks', () => {
  it('add up over SEs and replicas, by pool, server and monitor', async () => {
    const [one, other] = [makeIntake(), makeIntake()];
    one.take(counts('pool-1', [['a:80', 3, 1], ['b:80', 2, 0]])); // prettier-ignore
    one.take(counts('pool-1', [['a:80', 1, 1]])); // prettier-ignore
    other.take(counts('pool-1', [['a:80', 10, 0]])); // prettier-ignore
    other.take(counts('pool-1', [['a:80', 7, 7]], 'healthmonitor-2')); // prettier-ignore
    other.take(counts('gone-1', [['a:80', 7, 7]])); // prettier-ignore
    await Promise.all([one.written(), other.written()]);
    const sums = await one.sums('pool-1', 900);
    expect(
      sums.sort((a, b) =>
        `${a.server}${a.health_monitor_uuid}`.localeCompare(`${b.server}${b.health_monitor_uuid}`),
      ),
    ).toEqual([
      { server: 'a:80', health_monitor_uuid: 'healthmonitor-1', passed: 14, failed: 2 },
      { server: 'a:80', health_monitor_uuid: 'healthmonitor-2', passed: 7, failed: 7 },
      { server: 'b:80', health_monitor_uuid: 'healthmonitor-1', passed: 2, failed: 0 },
    ]);
    expect(await one.sums('gone-1', 900)).toEqual([]);
    await Promise.all([one.close(), other.close()]);
  });

  it('count only what is within the window: minutes for a short one, hours for a long one', async () => {
    const intake = makeIntake();
    intake.take(counts('pool-2', [['a:80', 1, 0]])); // prettier-ignore
    await intake.written();
    await db.query(
      `INSERT INTO monitor_count SELECT pool_uuid, server, health_monitor_uuid, span, bucket - interval '10 minutes', 0, 5
       FROM monitor_count WHERE pool_uuid = 'pool-2' AND span = 60`,
    );
    await db.query(
      `INSERT INTO monitor_count SELECT pool_uuid, server, health_monitor_uuid, span, bucket - interval '30 hours', 100, 0
       FROM monitor_count WHERE pool_uuid = 'pool-2' AND span = 3600`,
    );
    const sums = async (window: number) => {
      const [row] = await intake.sums('pool-2', window);
      return [row?.passed, row?.failed];
    };
    expect(await sums(120)).toEqual([1, 0]);
    expect(await sums(900)).toEqual([1, 5]);
    expect(await sums(86_400)).toEqual([1, 0]);
    expect(await sums(7 * 86_400)).toEqual([101, 0]);
    await intake.close();
  });

  it('are kept by the minute for hours and by the hour for days', async () => {
    const intake = makeIntake();
    intake.take(counts('pool-3', [['a:80', 1, 0]]));
    await intake.written();
    const older = (span: number, age: string): Promise<unknown> =>
      db.query(
        `INSERT INTO monitor_count SELECT pool_uuid, server, health_monitor_uuid, span, bucket - $2::interval, 9, 9
         FROM monitor_count WHERE pool_uuid = 'pool-3' AND span = $1 AND passed = 1`,
        [span, age],
      );
    await older(60, '90 minutes');
    await older(60, '3 hours');
    await older(3600, '6 days');
    await older(3600, '8 days');
    await new Housekeeping({} as never, db).clean();
    const left: { span: number; n: string }[] = await db.query(
      `SELECT span, count(*) AS n FROM monitor_count WHERE pool_uuid = 'pool-3' GROUP BY span ORDER BY span`,
    );
    expect(left.map(({ span, n }) => [span, Number(n)])).toEqual([
      [60, 2],
      [3600, 2],
    ]);
    await intake.close();
  });
});
