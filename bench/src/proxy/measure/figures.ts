import type { Comparison } from './compare.js';
import type { Run } from './drive.js';
import { typical } from './judge.js';

/** The table of what was measured, beside that of what was promised. */
export const FIGURES_HEAD = [
  'workload',
  'proxy',
  'requests/s',
  'p50',
  'p99',
  'CPU per request',
  'kinstr user + kernel',
  'kcycles',
] as const;

const time = (us: number): string => (us < 10_000 ? `${us.toFixed(0)} us` : `${(us / 1000).toFixed(1)} ms`);
const kilo = (n: number): string => (Number.isNaN(n) ? '-' : n.toFixed(n < 100 ? 1 : 0));

export const figureCells = (name: string, run: Run): string[] => [
  name,
  run.rps.toFixed(0),
  time(run.latency.p50),
  time(run.latency.p99),
  `${run.cpuPerRequest.toFixed(1)} us`,
  Number.isNaN(run.kinstrUser) ? '-' : `${kilo(run.kinstrUser)} + ${kilo(run.kinstrKernel)}`,
  kilo(run.kcycles),
];

/** A line per contestant, the middle of its runs. */
export const figureRows = ({ workload, runs }: Comparison): string[][] =>
  Object.entries(runs).map(([name, list]) => [workload.name, ...figureCells(name, typical(list))]);
