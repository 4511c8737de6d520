import { existsSync, readFileSync } from 'node:fs';

/** The embedded database could not be made or started; the message ends with the last lines of its log. */
export class PostgresError extends Error {
  readonly code = 'postgres';

  constructor(problem: string, log: string) {
    const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-5) : [];
    super([`${problem}; the end of ${log}:`, ...lines].join('\n  '));
  }
}
