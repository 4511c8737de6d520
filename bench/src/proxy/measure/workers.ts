import { withScope } from '@spillway/testing';
import { startContestant, startOrigins } from '../peers/start.js';
import { portOf } from '../peers/ports.js';
import { drive, type Load, type Run } from './drive.js';
import { figureCells } from './figures.js';
import { median, typical } from './judge.js';
import type { Bench, Measurement } from './measurement.js';

const WORKERS = 4;
const BUDGET = 3.2;
/** Beside the workers: four workers need more servers and clients than one does. */
const ORIGIN_CORES = 2;
const LOAD_CORES = 4;
/** Seconds for each worker to compile its code; they may share a core. */
const WARM = 3;
const LOAD: Load = { application: 'http', request: 'small', connections: 256, closing: false };

/** One SE with four workers on four cores against one with one. */
export const workers: Measurement = {
  about: `${WORKERS} workers on ${WORKERS} cores against 1`,
  async run(bench) {
    const needed = WORKERS + ORIGIN_CORES + LOAD_CORES;
    const { all } = bench.cores;
    return all.length < needed ? crowded(bench, needed) : withRoom(bench);
  },
};

async function withRoom(bench: Bench): ReturnType<Measurement['run']> {
  const { all } = bench.cores;
  const proxyCores = all.slice(0, WORKERS);
  const originCores = all.slice(WORKERS, WORKERS + ORIGIN_CORES);
  const load = all.slice(WORKERS + ORIGIN_CORES, WORKERS + ORIGIN_CORES + LOAD_CORES);
  return withScope('bench-workers', async (scope) => {
    const origins = await startOrigins(scope, bench.where.native, originCores);
    const where = { ...bench.where, cores: { ...bench.cores, load }, originPid: origins.pid };
    const runs: Record<number, Run[]> = {};
    for (let round = 0; round < bench.rounds; round++)
      for (const count of round % 2 === 0 ? [1, WORKERS] : [WORKERS, 1])
        (runs[count] ??= []).push(await once(count, proxyCores.slice(0, count), where, bench));
    const ratio = median(runs[WORKERS]!.map((run, i) => run.rps / runs[1]![i]!.rps));
    return {
      rows: [
        {
          promise: `${workers.about}: requests/s`,
          budget: `>= ${BUDGET}`,
          measured: ratio.toFixed(2),
          met: ratio >= BUDGET / bench.slack,
          figures: { ratio },
        },
      ],
      figures: lines(runs),
      notes: [],
      raw: runs,
    };
  });
}

/**
 * Without room for clients and servers requests a second say nothing about the workers. What can be seen is whether
 * they are in each other's way: the work per request, all four sharing the core of one, must stay what it is for one.
 */
async function crowded(bench: Bench, needed: number): ReturnType<Measurement['run']> {
  const runs: Record<number, Run[]> = {};
  for (let round = 0; round < bench.rounds; round++)
    for (const count of round % 2 === 0 ? [1, WORKERS] : [WORKERS, 1])
      (runs[count] ??= []).push(await once(count, [bench.cores.proxy], bench.where, bench));
  const ratio = median(runs[WORKERS]!.map((run, i) => instructions(run) / instructions(runs[1]![i]!)));
  const cores = bench.cores.all.length;
  return {
    rows: [
      {
        promise: `${workers.about}: requests/s`,
        budget: `>= ${BUDGET}`,
        measured: `not measured: workers, servers and load need ${needed} cores, this machine has ${cores}; instructions per request with ${WORKERS} workers on one core: ${ratio.toFixed(2)} x those with 1`,
        figures: { instructions: ratio },
      },
    ],
    figures: lines(runs),
    notes: [],
    raw: runs,
  };
}

const instructions = (run: Run): number => run.kinstrUser + run.kinstrKernel;

const once = (
  count: number,
  cores: readonly number[],
  where: Bench['where'],
  { setting, seconds }: Bench,
): Promise<Run> =>
  withScope(`bench-workers-${count}`, async (scope) => {
    const se = await startContestant(scope, 'spillway', { ...setting, cores, workers: count });
    const proxy = { pid: se.pid, pids: se.pids() };
    await drive(where, LOAD, portOf('spillway', 'http'), WARM * count, proxy);
    return drive(where, LOAD, portOf('spillway', 'http'), seconds, proxy);
  });

const lines = (runs: Record<number, Run[]>): string[][] =>
  Object.entries(runs).map(([count, list]) => [
    'workers',
    ...figureCells(`spillway, ${count}`, typical(list)),
  ]);
