import { loadavg } from 'node:os';
import { ALGORITHM_NAMES, type AlgorithmName } from '@spillway/balancing';
import { withScope } from '@spillway/testing';
import type { Row } from '../../report/row.js';
import { algorithmPort } from '../peers/ports.js';
import { startContestant } from '../peers/start.js';
import { drive, type Load, type Run } from './drive.js';
import { figureCells } from './figures.js';
import { isShared, median, ratioOf, typical } from './judge.js';
import type { Bench, Measurement } from './measurement.js';

const BUDGET = 0.95;
const BASIS: AlgorithmName = 'round_robin';
/** Seconds of load on each algorithm before anything is counted. */
const WARM = 2;
const LOAD: Load = { application: 'http', request: 'small', connections: 64, closing: false };

/** Every algorithm against round robin: the same worker, a virtual service for each, in turns. */
export const algorithms: Measurement = {
  about: 'HTTP, kept connections, 100 B',
  async run(bench) {
    const runs = await measure(bench);
    const basis = runs.get(BASIS)!;
    return {
      rows: [...runs]
        .filter(([name]) => name !== BASIS)
        .map(([name, list]) => rowOf(name, list, basis, bench)),
      figures: [...runs].map(([name, list]) => ['algorithms', ...figureCells(name, typical(list))]),
      notes: [],
      raw: { runs: Object.fromEntries(runs) },
    };
  },
};

const measure = ({ setting, where, rounds, seconds }: Bench): Promise<Map<AlgorithmName, Run[]>> =>
  withScope('bench-algorithms', async (scope) => {
    const se = await startContestant(scope, 'spillway', { ...setting, algorithms: ALGORITHM_NAMES });
    const once = (name: AlgorithmName, length: number): Promise<Run> =>
      drive(where, LOAD, algorithmPort(ALGORITHM_NAMES.indexOf(name)), length, {
        pid: se.pid,
        pids: se.pids(),
      });
    for (const name of ALGORITHM_NAMES) await once(name, WARM);
    const runs = new Map<AlgorithmName, Run[]>(ALGORITHM_NAMES.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++)
      for (const name of round % 2 === 0 ? ALGORITHM_NAMES : ALGORITHM_NAMES.toReversed())
        runs.get(name)!.push(await once(name, seconds));
    return runs;
  });

/**
 * Work per request is what an algorithm changes: cycles; instructions where others use the core, since they cost the
 * caches; CPU where neither is counted.
 */
function rowOf(
  name: AlgorithmName,
  runs: readonly Run[],
  basis: readonly Run[],
  { slack, cores }: Bench,
): Row {
  const over = (of: (run: Run) => number): number => 1 / ratioOf(runs, basis, of);
  const ratios = {
    cycles: over((run) => run.kcycles),
    instructions: over((run) => run.kinstrUser + run.kinstrKernel),
    CPU: over((run) => run.cpuPerRequest),
  };
  const shared = isShared(loadavg()[0]!, cores.all.length);
  const by = Number.isNaN(ratios.cycles) ? 'CPU' : shared ? 'instructions' : 'cycles';
  const rps = ratioOf(runs, basis, (run) => run.rps);
  const others = Object.entries(ratios).filter(([figure]) => figure !== by);
  return {
    promise: `${algorithms.about}: requests by ${by}, ${name} x ${BASIS}`,
    budget: `>= ${BUDGET}`,
    measured: [
      ratios[by].toFixed(2),
      ...others.map(([figure, ratio]) => `${ratio.toFixed(2)} by ${figure}`),
      `${rps.toFixed(2)} by requests/s`,
    ].join('; '),
    met: ratios[by] >= BUDGET / slack,
    figures: { ...ratios, rps, cost: median(runs.map((run) => run.kcycles)) },
  };
}
