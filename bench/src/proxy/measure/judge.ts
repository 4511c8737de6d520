import type { Row } from '../../report/row.js';
import { RELAY_KINSTR, type Budget, type ContestantName, type Workload } from '../workloads.js';
import type { Comparison } from './compare.js';
import type { Run } from './drive.js';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? Number.NaN)) / 2;
}

/** The middle of all runs, figure by figure; errors and the busiest core are the worst of them. */
export function typical(runs: readonly Run[]): Run {
  const of = (figure: (run: Run) => number): number => median(runs.map(figure));
  return {
    seconds: of((r) => r.seconds),
    requests: of((r) => r.requests),
    errors: runs.reduce((sum, r) => sum + r.errors, 0),
    latency: {
      p50: of((r) => r.latency.p50),
      p99: of((r) => r.latency.p99),
      p999: of((r) => r.latency.p999),
    },
    late: Math.max(...runs.map((r) => r.late)),
    cpu: Math.max(...runs.map((r) => r.cpu)),
    rps: of((r) => r.rps),
    cpuPerRequest: of((r) => r.cpuPerRequest),
    kinstrUser: of((r) => r.kinstrUser),
    kinstrKernel: of((r) => r.kinstrKernel),
    kcycles: of((r) => r.kcycles),
    originCpu: Math.max(...runs.map((r) => r.originCpu)),
  };
}

/** With this much more to do than there are cores, a core is not the proxy's own. */
export const isShared = (load: number, cores: number): boolean => load > cores;

const FIGURES: Record<Budget['figure'] | 'perCpu', { name: string; of: (run: Run) => number }> = {
  perCpu: { name: 'requests per second of CPU', of: (run) => 1e6 / run.cpuPerRequest },
  rps: { name: 'requests/s', of: (run) => run.rps },
  cycles: { name: 'cycles per request', of: (run) => run.kcycles },
  p99: { name: 'p99', of: (run) => run.latency.p99 },
};

/** Median over the rounds of ours divided by theirs. */
export const ratioOf = (ours: readonly Run[], theirs: readonly Run[], of: (run: Run) => number): number =>
  median(ours.map((run, round) => of(run) / of(theirs[round]!)));

/** More than this share of a core, and what should only help is the bottleneck. */
const BUSY = 0.9;
/** The servers alone must answer so many times what the fastest proxy does. */
const ROOM = 1.5;

/** What a reader has to know before believing the figures of a comparison. */
export function warnings({ runs, direct }: Comparison): string[] {
  const said: string[] = [];
  const all = Object.entries(runs).map(([name, list]) => ({ name, ...typical(list) }));
  for (const { name, cpu, originCpu } of all) {
    if (cpu > BUSY) said.push(`the load generator used ${percent(cpu)} of a core with ${name}`);
    if (originCpu > BUSY) said.push(`the origin used ${percent(originCpu)} of its core with ${name}`);
  }
  const fastest = Math.max(...all.map((run) => run.rps));
  if (direct.rps < ROOM * fastest)
    said.push(`without a proxy it is only ${(direct.rps / fastest).toFixed(2)} x as fast as the fastest`);
  return said;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Why the figures beside a relay do not count; undefined when they do. */
function relayOff(relay: readonly Run[]): string | undefined {
  const { kinstrKernel } = typical(relay);
  if (Number.isNaN(kinstrKernel)) return 'this machine counts no cycles';
  if (kinstrKernel >= RELAY_KINSTR.least && kinstrKernel <= RELAY_KINSTR.most) return undefined;
  return `the relay needed ${kinstrKernel.toFixed(1)}k kernel instructions per request, not about 28k: not counted`;
}

/** Why a contestant did not take part. */
export type Absent = ReadonlyMap<ContestantName, string>;

/**
 * A row per budget. `slack` widens what is allowed: 5 lets a ratio of 1.3 be kept by 0.26. On a `shared` machine, where
 * requests per second tell how much of the core a proxy was left, those per second of CPU are judged in their place.
 */
export function judge(comparison: Comparison, slack: number, absent: Absent, shared = false): Row[] {
  const { workload, runs } = comparison;
  const rows = workload.budgets.map((budget) => judgeBudget(workload, budget, runs, slack, absent, shared));
  const errors = Object.entries(runs).flatMap(([name, list]) => {
    const { errors: count } = typical(list);
    return count === 0 ? [] : [{ name, count }];
  });
  for (const { name, count } of errors)
    rows.push({
      promise: `${workload.about}: errors of ${name}`,
      budget: '0',
      measured: String(count),
      ...(name === 'spillway' && { met: false }),
      figures: { errors: count },
    });
  return rows;
}

function judgeBudget(
  { about }: Workload,
  { against, figure, atLeast, atMost, stretch }: Budget,
  runs: Partial<Record<ContestantName, Run[]>>,
  slack: number,
  absent: Absent,
  shared: boolean,
): Row {
  const { name, of } = FIGURES[figure];
  const promise = `${about}: ${name} x ${against}`;
  const wanted = atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`;
  const budget = stretch === undefined ? wanted : `${wanted}, stretch ${stretch}`;
  const { spillway: ours, [against]: theirs } = runs;
  if (ours === undefined || theirs === undefined)
    return {
      promise,
      budget,
      measured: `not measured: ${absent.get(ours === undefined ? 'spillway' : against) ?? 'no runs'}`,
      figures: {},
    };
  const rps = figure === 'rps';
  const perCpu = ratioOf(ours, theirs, FIGURES.perCpu.of);
  const ratio = rps && shared ? perCpu : ratioOf(ours, theirs, of);
  const figures = {
    ratio,
    perCpu,
    rps: ratioOf(ours, theirs, FIGURES.rps.of),
    ours: median(ours.map(of)),
    theirs: median(theirs.map(of)),
    cycles: ratioOf(ours, theirs, FIGURES.cycles.of),
  };
  const off = against === 'relay' ? relayOff(theirs) : Number.isNaN(ratio) ? 'not counted here' : undefined;
  if (off !== undefined) return { promise, budget, measured: off, figures };
  const met = atLeast === undefined ? ratio <= atMost! * slack : ratio >= atLeast / slack;
  const missed = met ? '' : ` (${miss(ratio, atLeast ?? atMost!)} off)`;
  const beside = rps
    ? shared
      ? ` per second of CPU; ${figures.rps.toFixed(2)} on a shared core`
      : `; ${perCpu.toFixed(2)} per second of CPU`
    : '';
  return { promise, budget, measured: `${ratio.toFixed(2)}${missed}${beside}`, met, figures };
}

const miss = (ratio: number, wanted: number): string => percent(Math.abs(ratio / wanted - 1));
