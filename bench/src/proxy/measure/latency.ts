import { withScope } from '@spillway/testing';
import { startContestant, type Contestant } from '../peers/start.js';
import { portOf } from '../peers/ports.js';
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
/** Microseconds (p99.9) by which the generator may be late itself for a round to count. */
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
  const rounds = runs.spillway.map((run, i) => [run, runs.haproxy[i]!] as const);
  // Where the generator was not on time itself, latency is its own.
  const timely = rounds.filter((pair) => pair.every((run) => run.late <= LATE));
  const ours = timely.map(([run]) => run);
  const theirs = timely.map(([, run]) => run);
  const counted = `${timely.length} of ${rounds.length} rounds count`;
  for (const figure of ['p99', 'p999'] as const) {
    const promise = `open-loop latency ${at}: ${figure === 'p99' ? 'p99' : 'p99.9'} x haproxy`;
    const ratio = ratioOf(ours, theirs, (run) => run.latency[figure]);
    const measured =
      timely.length === 0
        ? `not counted: the generator was late in all ${rounds.length} rounds`
        : `${ratio.toFixed(2)} (${micro(ours, figure)} against ${micro(theirs, figure)}; ${counted})`;
    outcome.rows.push({
      promise,
      budget: '<= 1',
      measured,
      ...(timely.length > 0 && { met: ratio <= slack }),
      figures: { ratio, timely: timely.length, rounds: rounds.length },
    });
  }
  for (const name of NAMES) {
    const run = typical(runs[name]);
    outcome.figures.push([`latency ${at}`, ...figureCells(name, run)]);
    if (run.errors > 0) outcome.notes.push(`latency ${at}: ${run.errors} errors with ${name}`);
  }
  outcome.raw = { ...(outcome.raw as object), [at]: runs };
}

const micro = (runs: readonly Run[], figure: 'p99' | 'p999'): string =>
  `${typical(runs).latency[figure].toFixed(0)} us`;
