import { withScope } from '@spillway/testing';
import { startContestant, type Contestant } from '../peers/start.js';
import { portOf } from '../peers/ports.js';
import type { Row } from '../../report/row.js';
import { drive, type Load, type Run } from './drive.js';
import { figureCells } from './figures.js';
import { median, ratioOf, typical } from './judge.js';
import { skipped, type Bench, type Measurement, type Outcome } from './measurement.js';

const NAMES = ['spillway', 'haproxy'] as const;
type Name = (typeof NAMES)[number];

const LOAD: Load = { application: 'http', request: 'small', connections: 64, closing: false };
/** Shares of the capacity of the slower of the two: both are offered the same. */
const SHARES = [0.5, 0.8];
/** Tails need time: each run is so many times longer than those of other measurements. */
const LONGER = 2;
/** Microseconds (p99.9) by which the generator may be late itself. */
const LATE = 1_000;

/** Latency at a fixed rate of requests, which does not wait for slow responses (no coordinated omission). */
export const latency: Measurement = {
  about: 'open-loop latency at 50 % and 80 % of capacity',
  async run(bench) {
    const reason = bench.missing.get('haproxy');
    if (reason !== undefined) return skipped(latency.about, reason);
    return withScope('bench-latency', async (scope) => {
      const contestants: Contestant[] = [];
      for (const name of NAMES) contestants.push(await startContestant(scope, name, bench.setting));
      const send = sender(bench);
      for (const contestant of contestants) await send(contestant, 2);
      const capacity = Math.min(...(await capacities(contestants, send)));
      const outcome: Outcome = { rows: [], figures: [], notes: [], raw: { capacity } };
      for (const share of SHARES)
        add(outcome, share, await atShare(share * capacity, contestants, send, bench), bench);
      return outcome;
    });
  },
};

type Send = (contestant: Contestant, seconds: number, rate?: number) => Promise<Run>;

const sender =
  ({ where }: Bench): Send =>
  ({ name, pid, pids }, seconds, rate) => {
    const load = rate === undefined ? LOAD : { ...LOAD, rate };
    return drive(where, load, portOf(name, 'http'), seconds, { pid, pids: pids() });
  };

async function capacities(contestants: readonly Contestant[], send: Send): Promise<number[]> {
  const found: number[] = [];
  for (const contestant of contestants) {
    const runs = [await send(contestant, 1), await send(contestant, 1), await send(contestant, 1)];
    found.push(median(runs.map((run) => run.rps)));
  }
  return found;
}

async function atShare(
  rate: number,
  contestants: readonly Contestant[],
  send: Send,
  { rounds, seconds }: Bench,
): Promise<Record<Name, Run[]>> {
  const runs: Record<Name, Run[]> = { spillway: [], haproxy: [] };
  for (let round = 0; round < rounds; round++)
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed())
      runs[contestant.name as Name].push(await send(contestant, LONGER * seconds, rate));
  return runs;
}

function add(outcome: Outcome, share: number, runs: Record<Name, Run[]>, { slack }: Bench): void {
  const at = `at ${share * 100} % of capacity`;
  for (const figure of ['p99', 'p999'] as const) {
    const ratio = ratioOf(runs.spillway, runs.haproxy, (run) => run.latency[figure]);
    outcome.rows.push({
      promise: `open-loop latency ${at}: ${figure === 'p99' ? 'p99' : 'p99.9'} x haproxy`,
      budget: '<= 1',
      measured: `${ratio.toFixed(2)} (${micro(runs.spillway, figure)} against ${micro(runs.haproxy, figure)})`,
      met: ratio <= slack,
      figures: { ratio },
    } satisfies Row);
  }
  for (const name of NAMES) {
    const run = typical(runs[name]);
    outcome.figures.push([`latency ${at}`, ...figureCells(name, run)]);
    if (run.errors > 0) outcome.notes.push(`latency ${at}: ${run.errors} errors with ${name}`);
    if (run.late > LATE)
      outcome.notes.push(
        `latency ${at}: the generator was late itself by ${run.late.toFixed(0)} us (p99.9) with ${name}`,
      );
  }
  outcome.raw = { ...(outcome.raw as object), [at]: runs };
}

const micro = (runs: readonly Run[], figure: 'p99' | 'p999'): string =>
  `${typical(runs).latency[figure].toFixed(0)} us`;
