import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ALGORITHM_NAMES } from '@spillway/balancing';
import { repository } from '@spillway/testing';
import { describeMachine, load, machine } from '../report/machine.js';
import { markdown, plain } from '../report/table.js';
import { lines, missed, PICKS_HEAD } from './judge.js';
import type { Measured } from './picks.program.js';

/*
 * What one pick costs with each algorithm, on Bun as in an SE; see bench/README.md.
 *
 *   node bench/dist/picks/main.js [--rounds N] [--slack F] [--markdown]
 *
 * Exit code 0: the budgets are kept; 1: one is missed; 2: wrong use.
 */

const BUN = join(repository, 'node_modules/bun/bin/bun.exe');
const PROGRAM = fileURLToPath(new URL('./picks.program.js', import.meta.url));

function usage(message: string): never {
  console.error(`${message}\nusage: main.js [--rounds N] [--slack F] [--markdown]`);
  process.exit(2);
}

function options(): { rounds: number; slack: number; table: typeof plain } {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '50' },
        slack: { type: 'string', default: '1' },
        markdown: { type: 'boolean', default: false },
      },
    });
    const [rounds, slack] = [Number(values.rounds), Number(values.slack)];
    if (!(rounds >= 1) || !(slack >= 1)) usage('--rounds and --slack are numbers from 1');
    return { rounds: Math.round(rounds), slack, table: values.markdown ? markdown : plain };
  } catch (error) {
    return usage((error as Error).message);
  }
}

const { rounds, slack, table } = options();
const where = machine();
// Each in a process of its own: code that has seen one algorithm is another than code that has seen all.
const measured = ALGORITHM_NAMES.flatMap((name): Measured[] => {
  const { stdout, stderr, status } = spawnSync(BUN, [PROGRAM, name, String(rounds)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the picks of ${name} could not be measured: ${stderr}`);
  return JSON.parse(stdout) as Measured[];
});
where.loadAfter = load();
console.log(`${describeMachine(where)}\n\n${table(PICKS_HEAD, lines(measured))}`);
const over = missed(measured, slack);
if (over.length > 0) console.log(`\nMISSED\n${over.map((text) => `- ${text}`).join('\n')}`);
process.exitCode = over.length > 0 ? 1 : 0;
