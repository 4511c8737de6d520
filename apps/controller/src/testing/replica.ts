import { pino } from 'pino';
import { DataSource } from 'typeorm';
import { CloudService, type IssueToken } from '../cloud/cloud.service.js';
import type { CloudConnector } from '../cloud/connector.js';
import type { Settings } from '../config/settings.js';
import { dataSourceOptions, ensureCluster, migrate } from '../database/options.js';
import { EventService } from '../event/index.js';
import { ActionService } from '../operation/action.service.js';
import { OperationAdmin } from '../operation/operation-admin.js';
import { OperationFeed } from '../operation/operation-feed.js';
import { OperationRunner } from '../operation/operation-runner.js';
import { OperationStore } from '../operation/operation.store.js';
import { PlacementWriter } from '../placement/placement-writer.js';
import { Reconciler } from '../placement/reconciler.js';
import { ScaleWriter } from '../placement/scale-writer.js';
import { WorldReader } from '../placement/world-reader.js';
import { SeEvents } from '../se-channel/se-events.js';
import { ObjectCache, ObjectStore, SecretBox } from '../store/index.js';

/** The parts of one controller replica that decide about placement, over a real database, without its listeners. */
export interface Replica {
  readonly dataSource: DataSource;
  readonly cache: ObjectCache;
  readonly store: ObjectStore;
  readonly seEvents: SeEvents;
  readonly operations: OperationStore;
  readonly actions: ActionService;
  readonly admin: OperationAdmin;
  readonly reader: WorldReader;
  readonly feed: OperationFeed;
  readonly runner: OperationRunner;
  readonly reconciler: Reconciler;
  close(): Promise<void>;
}

export interface ReplicaOptions {
  readonly connectors?: ReadonlyMap<string, CloudConnector>;
  readonly issueToken?: IssueToken;
}

const noToken: IssueToken = () => Promise.reject(new Error('no token'));

export async function startReplica(url: string, options: ReplicaOptions = {}): Promise<Replica> {
  const logger = pino({ level: process.env['SPILLWAY_LOG_LEVEL'] ?? 'fatal' });
  const settings = { databaseUrl: url } as Settings;
  const dataSource = await new DataSource(dataSourceOptions(url)).initialize();
  await migrate(dataSource);
  await ensureCluster(dataSource);
  const cache = new ObjectCache(dataSource, settings, logger);
  await cache.open();
  const store = new ObjectStore(dataSource, cache, new SecretBox(settings), logger);
  const events = new EventService(dataSource, logger);
  const seEvents = new SeEvents((name, error) => logger.error({ err: error }, name));
  const operations = new OperationStore(dataSource);
  const feed = new OperationFeed();
  const reader = new WorldReader(dataSource, cache);
  const writer = new PlacementWriter(store);
  const scales = new ScaleWriter();
  const clouds = new CloudService(cache, options.connectors ?? new Map(), options.issueToken ?? noToken);
  const runner = new OperationRunner(
    dataSource,
    operations,
    feed,
    reader,
    cache,
    events,
    seEvents,
    writer,
    store,
    scales,
    clouds,
    settings,
    logger,
  );
  const reconciler = new Reconciler(
    dataSource,
    cache,
    reader,
    writer,
    scales,
    operations,
    runner,
    feed,
    seEvents,
    events,
    logger,
  );
  const actions = new ActionService(
    dataSource,
    reader,
    writer,
    scales,
    operations,
    runner,
    reconciler,
    events,
  );
  const admin = new OperationAdmin(dataSource, operations, runner, cache);
  await runner.onApplicationBootstrap();
  reconciler.onApplicationBootstrap();
  return {
    dataSource,
    cache,
    store,
    seEvents,
    operations,
    actions,
    admin,
    reader,
    feed,
    runner,
    reconciler,
    async close() {
      await reconciler.onApplicationShutdown();
      await runner.onApplicationShutdown();
      await cache.onApplicationShutdown();
      await dataSource.destroy();
    },
  };
}
