import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Netns, Program, repository, run, withScope } from '@spillway/testing';
import { describeMachine, load, machine } from '../report/machine.js';
import { isMeasurement, type MeasurementName, MEASUREMENTS } from './measurements.js';
import type { Row } from '../report/row.js';
import { markdownTable, plainTable } from '../report/table.js';

/*
 * Measures the promises, each group in a network namespace of its own; see bench/README.md.
 *
 *   node bench/dist/promises/main.js [--only NAME]... [--json FILE] [--markdown]
 *
 * Exit code 0: every budget is kept; 1: one is missed, or could not be measured; 2: wrong use.
 */

/** Seconds that taking everything down may need. */
const CLEANUP = 30;

async function measure(name: MeasurementName): Promise<Row[]> {
  const { limit } = MEASUREMENTS[name];
  return withScope(name, async (scope) => {
    const netns = await Netns.create(scope, `bench${name}`);
    const program = await Program.start(scope, new URL('./measurement.program.js', import.meta.url), {
      name: `measurement ${name}`,
      netns,
    });
    try {
      return await program.call<Row[]>('measure', name, (limit + CLEANUP) * 1_000);
    } finally {
      const said = program.process.output().trim();
      if (said !== '') console.error(said);
    }
  });
}

/** A measurement that could not be made is a promise that was not kept. */
function failure(name: string, error: unknown): Row {
  const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return {
    promise: `${name}: could not be measured`,
    budget: '-',
    measured: reason,
    met: false,
    figures: {},
  };
}

function usage(message: string): never {
  console.error(
    `${message}\nusage: main.js [--only NAME]... [--json FILE] [--markdown]\n${Object.entries(MEASUREMENTS)
      .map(([name, { about }]) => `  ${name.padEnd(8)}${about}`)
      .join('\n')}`,
  );
  process.exit(2);
}

function options(): { names: MeasurementName[]; json?: string; markdown: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        json: { type: 'string' },
        markdown: { type: 'boolean', default: false },
      },
    });
    const names = values.only ?? Object.keys(MEASUREMENTS);
    const [strange] = names.filter((name) => !isMeasurement(name));
    if (strange !== undefined) usage(`--only ${strange}: no such measurement`);
    return {
      names: names.filter(isMeasurement),
      markdown: values.markdown,
      ...(values.json !== undefined && { json: values.json }),
    };
  } catch (error) {
    return usage((error as Error).message);
  }
}

const { names, json, markdown } = options();
if (!Netns.available) usage('the measurements make network namespaces: run this as root on Linux');
// A prepared checkout: inside a namespace there is no registry to install from.
if (names.includes('start')) await run(join(repository, 'spillway'), ['help'], { timeout: 300_000 });
// What a measurement starts is in its namespace already.
process.env['SPILLWAY_TEST_NETWORK'] = 'namespace';
const where = machine();
const rows: Row[] = [];
for (const name of names) {
  const began = performance.now();
  console.error(`${name}: ${MEASUREMENTS[name].about}`);
  try {
    rows.push(...(await measure(name)));
  } catch (error) {
    console.error(error);
    rows.push(failure(name, error));
  }
  console.error(`${name}: took ${((performance.now() - began) / 1_000).toFixed(0)} s`);
}
where.loadAfter = load();
console.log(describeMachine(where));
console.log(`\n${markdown ? markdownTable(rows) : plainTable(rows)}`);
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine: where, rows }, null, 2)}\n`);
process.exitCode = rows.some((row) => row.met === false) ? 1 : 0;
