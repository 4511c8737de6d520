import { randomUUID } from 'node:crypto';
import { ensurePostgres } from '@spillway/launcher';
import pg from 'pg';

/** Databases of one spec file on the real PostgreSQL that all spec files of a run share. */
export interface TestDatabase {
  /** URL of a new, empty database. */
  fresh(): Promise<string>;
  /** Databases go with the server at the end of the run: dropping each costs a checkpoint, and a busy machine time. */
  stop(): Promise<void>;
}

export async function testDatabase(): Promise<TestDatabase> {
  const directory = process.env['SPILLWAY_TEST_RUN'];
  if (directory === undefined) throw new Error('run this spec with the jest.config.mjs of the repository');
  // The first spec file of a run that needs the server starts it; it ends with the run (run-teardown.ts).
  const server = await ensurePostgres(directory, { durable: false });
  const admin = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  return {
    async fresh() {
      const name = `spec_${randomUUID().replaceAll('-', '')}`;
      await admin(`CREATE DATABASE ${name}`);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    stop: () => Promise.resolve(),
  };
}
