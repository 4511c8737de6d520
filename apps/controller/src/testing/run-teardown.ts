import { existsSync } from 'node:fs';
import { discard } from './run-setup.js';

/** Ends the database of this run, if a test started it. */
export default async function teardown(): Promise<void> {
  const directory = process.env['SPILLWAY_TEST_RUN'];
  if (directory !== undefined && existsSync(directory)) await discard(directory);
}
