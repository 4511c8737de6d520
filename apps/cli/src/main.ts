import { CommanderError } from 'commander';
import { CliError, EXIT } from './errors.js';
import { program } from './program.js';

const root = program();
for (const command of [root, ...root.commands, ...root.commands.flatMap((c) => c.commands)])
  command.exitOverride();

try {
  await root.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Tells what went wrong in one line, and gives the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CliError) {
    console.error(`spillway: ${error.message}`);
    return error.exitCode;
  }
  console.error(`spillway: ${error instanceof Error ? error.message : String(error)}`);
  return EXIT.failed;
}
