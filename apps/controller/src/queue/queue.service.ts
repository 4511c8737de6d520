import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Job, Queue, Worker } from 'bullmq';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { openQueue } from './backend.js';

export type JobData = Record<string, unknown>;
export type JobHandler = (data: JobData) => Promise<void>;

export interface AddOptions {
  /** Milliseconds until it may run. */
  readonly delay?: number;
  /** While a job with this key waits or runs, adding it again does nothing. */
  readonly key?: string;
  /** How often it is tried in all (5), with growing pauses. */
  readonly attempts?: number;
}

/** Several clusters may share one Redis: each has its own queue. */
export abstract class ClusterIdentity {
  abstract readonly clusterUuid: string;
}

const RETRY_MS = 2_000;
const AT_ONCE = 8;

/**
 * Jobs, timers and sweeps over all replicas, on PostgreSQL or Redis. A job carries a name and small data; what it does
 * must be right when it is lost, late or done twice, since it re-reads the world. Operations do not wait for it.
 */
@Injectable()
export class QueueService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly handlers = new Map<string, JobHandler>();
  private readonly sweeps = new Map<string, number>();
  private readonly logger: Logger;
  private readonly stop = new AbortController();
  private opened: Promise<{ queue: Queue; worker: Worker } | undefined> | undefined;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOGGER) logger: Logger,
    private readonly cluster: ClusterIdentity,
  ) {
    this.logger = logger.child({ part: 'queue' });
  }

  /** Says what a job of this name does. Register before the application has started. */
  handle(name: string, handler: JobHandler): void {
    if (this.handlers.has(name)) throw new Error(`job ${name} has a handler already`);
    this.handlers.set(name, handler);
  }

  /** Runs `handler` every so many milliseconds, on one replica at a time. */
  sweep(name: string, everyMs: number, handler: () => Promise<void>): void {
    this.handle(name, handler);
    this.sweeps.set(name, everyMs);
  }

  /** Adds a job. Rejects when the queue cannot be reached. */
  async add(name: string, data: JobData = {}, options: AddOptions = {}): Promise<void> {
    const open = await this.opened;
    if (!open) throw new Error('the queue is closed');
    await open.queue.add(name, data, {
      attempts: options.attempts ?? 5,
      backoff: { type: 'exponential', delay: 500 },
      ...(options.delay === undefined ? {} : { delay: options.delay }),
      ...(options.key === undefined ? {} : { deduplication: { id: `${name}:${options.key}` } }),
    });
  }

  /** Does not hold up the start: the queue opens beside it, and tries again until it can. */
  onApplicationBootstrap(): void {
    this.opened = this.open();
  }

  /** Resolves when jobs can be added and run. */
  async ready(): Promise<void> {
    const open = await this.opened;
    if (!open) throw new Error('the queue is closed');
    await Promise.all([open.queue.waitUntilReady(), open.worker.waitUntilReady()]);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    const open = await this.opened;
    await open?.worker.close();
    await open?.queue.close();
  }

  private async open(): Promise<{ queue: Queue; worker: Worker } | undefined> {
    while (!this.stop.signal.aborted) {
      try {
        return await this.tryOpen();
      } catch (err) {
        this.logger.warn({ err, retry_ms: RETRY_MS }, 'could not open the queue');
        await pause(RETRY_MS, this.stop.signal);
      }
    }
    return undefined;
  }

  private async tryOpen(): Promise<{ queue: Queue; worker: Worker }> {
    const opened = await openQueue(this.settings, this.cluster.clusterUuid, {
      concurrency: AT_ONCE,
      process: (job) => this.run(job),
      onError: (err) => this.logger.warn({ err }, 'queue'),
    });
    for (const [name, every] of this.sweeps)
      await opened.queue.upsertJobScheduler(name, { every }, { name, opts: { attempts: 1 } });
    return opened;
  }

  private async run(job: Job): Promise<void> {
    const handler = this.handlers.get(job.name);
    if (!handler) {
      this.logger.warn({ job: job.name }, 'a job that this release does not know');
      return;
    }
    await handler(job.data as JobData);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
