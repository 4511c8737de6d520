import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { DataSource } from 'typeorm';
import { readSettings } from '../config/settings.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { until } from '../testing/until.js';
import { QueueService } from './queue.service.js';

// On PostgreSQL and, where REDIS_URL is set, on Redis.
const logger = pino({ level: 'silent' });
let databases: TestDatabase;
let url: string;
let queues: QueueService[] = [];

beforeEach(async () => {
  databases = await testDatabase();
  url = await databases.fresh();
}, 60_000);
afterEach(async () => {
  for (const queue of queues) await queue.onApplicationShutdown();
  queues = [];
  await databases.stop();
});

/** A replica's queue; the cluster is called after the database, since all tests on Redis share one. */
async function replica(register: (queue: QueueService) => void): Promise<QueueService> {
  const redis = process.env['REDIS_URL'];
  const settings = readSettings({
    DATABASE_URL: url,
    SPILLWAY_DIR: '/nonexistent',
    ...(redis === undefined ? {} : { REDIS_URL: redis }),
  });
  const queue = new QueueService(settings, logger, { clusterUuid: url.split('/').at(-1) ?? '' });
  register(queue);
  queue.onApplicationBootstrap();
  queues.push(queue);
  await queue.ready();
  return queue;
}

describe('the queue', () => {
  it('runs a job once, on one of the replicas, with its data', async () => {
    const ran: unknown[] = [];
    const register = (queue: QueueService): void =>
      queue.handle('once', async (data) => void ran.push(data['n']));
    const a = await replica(register);
    const b = await replica(register);
    for (let n = 0; n < 20; n += 1) await (n % 2 ? a : b).add('once', { n });
    await until(
      () => ran.length,
      (n) => n >= 20,
      'all jobs to run',
    );
    expect(new Set(ran).size).toBe(20);
    expect(ran).toHaveLength(20);
  });

  it('tries a failed job again', async () => {
    let tries = 0;
    const queue = await replica((q) =>
      q.handle('flaky', async () => {
        tries += 1;
        if (tries < 2) throw new Error('not yet');
      }),
    );
    await queue.add('flaky');
    await until(
      () => tries,
      (n) => n === 2,
      'a second try',
    );
  });

  it('holds a delayed job back, and takes a key once while it waits', async () => {
    const ran: number[] = [];
    const queue = await replica((q) => q.handle('later', async () => void ran.push(performance.now())));
    const began = performance.now();
    for (let i = 0; i < 3; i += 1) await queue.add('later', {}, { delay: 400, key: 'same' });
    await until(
      () => ran.length,
      (n) => n > 0,
      'the delayed job',
    );
    expect((ran[0] ?? 0) - began).toBeGreaterThan(350);
    await queue.add('later', {}, { key: 'other' });
    await until(
      () => ran.length,
      (n) => n === 2,
      'the other job, and no third',
    );
  });

  it('runs a sweep again and again, not once per replica', async () => {
    let sweeps = 0;
    const register = (queue: QueueService): void => queue.sweep('sweep', 200, async () => void (sweeps += 1));
    await replica(register);
    await replica(register);
    const before = sweeps; // the first may come while the second replica starts
    const began = performance.now();
    await until(
      () => sweeps,
      (n) => n >= before + 5,
      'five sweeps',
    );
    expect(performance.now() - began).toBeGreaterThan(600);
  });

  it('goes on after every connection to the database was cut', async () => {
    if (process.env['REDIS_URL'] !== undefined) return;
    let ran = 0;
    const queue = await replica((q) => q.handle('cut', async () => void (ran += 1)));
    await queue.add('cut');
    await until(
      () => ran,
      (n) => n === 1,
      'the first job',
    );
    const admin = await new DataSource({ type: 'postgres', url }).initialize();
    await admin.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await admin.destroy();
    await until(
      () =>
        queue.add('cut').then(
          () => true,
          () => false,
        ),
      (added) => added,
      'a job to be taken',
    );
    await until(
      () => ran,
      (n) => n === 2,
      'the job after the cut',
    );
  });
});
