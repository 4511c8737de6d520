import { randomUUID } from 'node:crypto';
import { DataSource, type DataSourceOptions } from 'typeorm';
import * as entities from './entities/index.js';
import { migrations } from './migrations/index.js';

/** How TypeORM reaches the database. Migrations are classes in a list: nothing is scanned at start. */
export function dataSourceOptions(url: string): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    entities: Object.values(entities),
    migrations,
    synchronize: false,
    migrationsRun: false,
    installExtensions: false,
    // Built into PostgreSQL: gen_random_uuid().
    uuidExtension: 'pgcrypto',
    poolSize: 20,
    applicationName: 'spillway-controller',
    extra: {
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 60_000,
      connectionTimeoutMillis: 10_000,
    },
  };
}

export const entityClasses = Object.values(entities);

/** Keys of the advisory locks, so that no two meanings share one. */
export const LOCKS = {
  /** Held by every write until it commits: generations are dense and in the order of commit. */
  config: 7_301_001,
  migrate: 7_301_002,
  seed: 7_301_003,
} as const;

/** Brings the schema up to date; replicas that start together do it one after the other. */
export async function migrate(dataSource: DataSource): Promise<void> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [LOCKS.migrate]);
    try {
      await dataSource.runMigrations({ transaction: 'each' });
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [LOCKS.migrate]);
    }
  } finally {
    await runner.release();
  }
}

/** Makes the cluster's one row, once. */
export async function ensureCluster(dataSource: DataSource): Promise<void> {
  await dataSource.query(
    'INSERT INTO cluster_state (id, cluster_uuid) VALUES (1, $1) ON CONFLICT (id) DO NOTHING',
    [`cluster-${randomUUID()}`],
  );
}
