import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Netns, Program, withScope, type Scope } from '@spillway/testing';
import { describeMachine, load, machine } from '../report/machine.js';
import type { Row } from '../report/row.js';
import { markdown, markdownTable, plain, plainTable } from '../report/table.js';
import type { Prepared } from './bench.program.js';
import { versions } from './host/versions.js';
import { FIGURES_HEAD } from './measure/figures.js';
import type { Outcome } from './measure/measurement.js';
import { MEASUREMENTS } from './measurements.js';

/*
 * Sets one worker beside nginx, HAProxy and a relay that parses nothing; see bench/README.md.
 *
 *   node bench/dist/proxy/main.js [--only NAME]... [--rounds N] [--seconds S] [--slack F] [--json FILE] [--markdown]
 *
 * Exit code 0: every budget that could be measured is kept; 1: one is missed, or a measurement failed; 2: wrong use.
 */

interface Options {
  names: string[];
  rounds: number;
  seconds: number;
  slack: number;
  json?: string;
  markdown: boolean;
}

function usage(message: string): never {
  const names = [...MEASUREMENTS].map(([name, { about }]) => `  ${name.padEnd(11)}${about}`);
  console.error(
    `${message}\nusage: main.js [--only NAME]... [--rounds N] [--seconds S] [--slack F] [--json FILE] [--markdown]\n${names.join('\n')}`,
  );
  process.exit(2);
}

function options(): Options {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '2' },
        slack: { type: 'string', default: '1' },
        json: { type: 'string' },
        markdown: { type: 'boolean', default: false },
      },
    });
    const number = (name: 'rounds' | 'seconds' | 'slack', least: number): number => {
      const value = Number(values[name]);
      return value >= least ? value : usage(`--${name} ${values[name]}: a number from ${least} is needed`);
    };
    const names = values.only ?? [...MEASUREMENTS.keys()];
    const strange = names.find((name) => !MEASUREMENTS.has(name));
    if (strange !== undefined) usage(`--only ${strange}: no such measurement`);
    return {
      names,
      rounds: Math.round(number('rounds', 1)),
      seconds: number('seconds', 0.2),
      slack: number('slack', 1),
      markdown: values.markdown,
      ...(values.json !== undefined && { json: values.json }),
    };
  } catch (error) {
    return usage((error as Error).message);
  }
}

/** Seconds after which a measurement is given up: all rounds of three proxies twice over, and their starts. */
const limitOf = ({ rounds, seconds }: Options): number => 180 + 20 * rounds * seconds;

/** A measurement that could not be made is a promise that was not kept. */
const failure = (name: string, error: unknown): Outcome => ({
  rows: [
    {
      promise: `${name}: could not be measured`,
      budget: '-',
      measured: (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '',
      met: false,
      figures: {},
    },
  ],
  figures: [],
  notes: [],
  raw: null,
});

async function bench(scope: Scope, chosen: Options): Promise<Record<string, Outcome & { load: number }>> {
  const netns = await Netns.create(scope, 'bench');
  await netns.sysctl('net.ipv4.ip_local_port_range', '10000 65535');
  const program = await Program.start(scope, new URL('./bench.program.js', import.meta.url), {
    name: 'bench',
    netns,
  });
  const outcomes: Record<string, Outcome & { load: number }> = {};
  try {
    const { notes } = await program.call<Prepared>('prepare', chosen, 500_000);
    for (const note of notes) console.error(note);
    for (const name of chosen.names) {
      const began = performance.now();
      console.error(`${name}: ${MEASUREMENTS.get(name)!.about}`);
      const outcome = await program
        .call<Outcome>('measure', name, limitOf(chosen) * 1_000)
        .catch((error: unknown) => failure(name, error));
      outcomes[name] = { ...outcome, load: load() };
      for (const row of outcome.rows) console.error(`  ${row.promise}: ${row.measured} (${row.budget})`);
      console.error(`${name}: took ${((performance.now() - began) / 1_000).toFixed(0)} s`);
    }
    await program.call('close');
  } finally {
    const said = program.process.output().trim();
    if (said !== '') console.error(said);
  }
  return outcomes;
}

const chosen = options();
if (!Netns.available) usage('the bench makes a network namespace: run this as root on Linux');
// What a measurement starts is in its namespace already.
process.env['SPILLWAY_TEST_NETWORK'] = 'namespace';
const where = machine();
const outcomes = await withScope('bench', (scope) => bench(scope, chosen));
where.loadAfter = load();
const rows: Row[] = Object.values(outcomes).flatMap((outcome) => outcome.rows);
const figures = Object.values(outcomes).flatMap((outcome) => outcome.figures);
const notes = Object.values(outcomes).flatMap((outcome) => outcome.notes);
const programs = await versions();
console.log(`${describeMachine(where)}\n${programs.join(', ')}`);
console.log(`\n${chosen.markdown ? markdownTable(rows) : plainTable(rows)}`);
if (figures.length > 0)
  console.log(`\n${chosen.markdown ? markdown(FIGURES_HEAD, figures) : plain(FIGURES_HEAD, figures)}`);
if (notes.length > 0) console.log(`\n${notes.map((note) => `- ${note}`).join('\n')}`);
if (chosen.json !== undefined)
  writeFileSync(chosen.json, `${JSON.stringify({ machine: where, programs, rows, outcomes }, null, 2)}\n`);
process.exitCode = rows.some((row) => row.met === false) ? 1 : 0;
