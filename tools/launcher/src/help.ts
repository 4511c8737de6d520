import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { inRepository } from './paths.js';

const usage = `Usage: ./spillway <command>

On this machine:
  up                     start database, controller, service engines and a sample application
  status [--json]        what runs, where to reach it, how to log in
  logs [-f] [name]       what the processes wrote
  down                   stop everything of that directory
  engine --snapshot FILE one service engine from a file, without a controller
  test [filter]          lint, generated code, unit and end-to-end tests

Each takes --dir DIR (default .spillway in the checkout) and --help.
`;

/** Prints the local verbs, then those of the CLI. */
export async function help(): Promise<number> {
  console.log(usage);
  const cli = inRepository('apps/cli/dist/main.js');
  if (existsSync(cli))
    spawnSync(process.execPath, [cli, '--help'], { stdio: ['ignore', 'inherit', 'inherit'] });
  return 0;
}
