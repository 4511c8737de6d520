import { UsageError } from './errors.js';

/** A verb runs with the arguments after it and answers with the exit code of the process. */
type Verb = (args: string[]) => Promise<number>;

// Imported when asked for: `status` should not wait for what only `test` needs.
const verbs: Record<string, () => Promise<Verb>> = {
  up: async () => (await import('./commands/up.js')).up,
  down: async () => (await import('./commands/down.js')).down,
  status: async () => (await import('./commands/status.js')).status,
  logs: async () => (await import('./commands/logs.js')).logs,
  engine: async () => (await import('./commands/engine.js')).engine,
  test: async () => (await import('./testing/command.js')).test,
  help: async () => (await import('./help.js')).help,
};

const aliases: Record<string, string> = { '-h': 'help', '--help': 'help' };

const [given = 'help', ...args] = process.argv.slice(2);
const load = verbs[aliases[given] ?? given];
try {
  if (!load) throw new UsageError(`unknown command "${given}"`, './spillway help lists them');
  process.exitCode = await (await load())(args);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`spillway: ${error.message}`);
  process.exitCode = 2;
}
