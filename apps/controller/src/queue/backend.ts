import type { Job, Queue, Worker } from 'bullmq';
import pg from 'pg';
import type { Settings } from '../config/settings.js';

/** Each of queue and worker has its own pool beside one listening connection. */
const POOL_SIZE = 3;

export interface QueueParts {
  readonly concurrency: number;
  readonly process: (job: Job) => Promise<void>;
  readonly onError: (err: Error) => void;
}

/** Opens queue and worker on Redis where `REDIS_URL` is set, else on PostgreSQL. BullMQ is loaded only here. */
export async function openQueue(
  settings: Pick<Settings, 'databaseUrl' | 'redisUrl'>,
  cluster: string,
  parts: QueueParts,
): Promise<{ queue: Queue; worker: Worker }> {
  const bullmq = await import('bullmq');
  const name = `spillway-${cluster}`;
  const jobs = {
    removeOnComplete: true,
    removeOnFail: { age: 86_400, count: 1_000 },
  };
  // After a restart of the database a worker would sit idle for the default of 15 s.
  const work = { concurrency: parts.concurrency, runRetryDelay: 500 };
  const opened =
    settings.redisUrl === undefined
      ? await onPostgres(bullmq, settings.databaseUrl, name, parts, jobs, work)
      : onRedis(bullmq, settings.redisUrl, name, parts, jobs, work);
  opened.queue.on('error', parts.onError);
  opened.worker.on('error', parts.onError);
  opened.worker.on('failed', (_job, err) => parts.onError(err));
  return opened;
}

type BullMq = typeof import('bullmq');
type Jobs = { removeOnComplete: boolean; removeOnFail: { age: number; count: number } };
type Work = { concurrency: number; runRetryDelay: number };

async function onPostgres(
  bullmq: BullMq,
  url: string,
  name: string,
  parts: QueueParts,
  jobs: Jobs,
  work: Work,
) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await bullmq.runMigrations(client);
  } finally {
    await client.end();
  }
  const connection = { connectionString: url, max: POOL_SIZE, application_name: 'spillway-queue' };
  const backend = bullmq.createPostgresBackend;
  return {
    queue: new bullmq.Queue(name, { connection, defaultJobOptions: jobs }, backend) as unknown as Queue,
    worker: new bullmq.Worker(name, parts.process, { connection, ...work }, backend) as unknown as Worker,
  };
}

function onRedis(bullmq: BullMq, url: string, name: string, parts: QueueParts, jobs: Jobs, work: Work) {
  const connection = { url, maxRetriesPerRequest: null };
  return {
    queue: new bullmq.Queue(name, { connection, defaultJobOptions: jobs }),
    worker: new bullmq.Worker(name, parts.process, { connection, ...work }),
  };
}
