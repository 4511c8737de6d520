import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensurePostgres, stopPostgres } from '@spillway/launcher';
import pg from 'pg';

/** A real PostgreSQL of its own for one spec file, with as many empty databases as it wants. */
export interface TestDatabase {
  /** URL of a new, empty database. */
  fresh(): Promise<string>;
  stop(): Promise<void>;
}

export async function testDatabase(): Promise<TestDatabase> {
  const directory = mkdtempSync(path.join(tmpdir(), 'spillway-spec-'));
  const server = await ensurePostgres(directory, { durable: false });
  let made = 0;
  return {
    async fresh() {
      const name = `spec_${++made}`;
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      try {
        await client.query(`CREATE DATABASE ${name}`);
      } finally {
        await client.end();
      }
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    async stop() {
      await stopPostgres(directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
