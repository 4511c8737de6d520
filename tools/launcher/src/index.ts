export { ensurePostgres, runningPostgres, stopPostgres } from './postgres/server.js';
export type { Postgres, PostgresOptions } from './postgres/server.js';
