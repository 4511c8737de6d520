import { loadavg } from 'node:os';
import type { ContestantName, Workload } from '../workloads.js';
import { compare } from './compare.js';
import { figureRows } from './figures.js';
import { isShared, judge, warnings } from './judge.js';
import { skipped, type Bench, type Measurement, type Outcome } from './measurement.js';

/** A workload as a measurement: who is here takes part, and a row names who is not. */
export const sideBySide = (workload: Workload): Measurement => ({
  about: workload.about,
  run: (bench) => measure(workload, bench),
});

async function measure(workload: Workload, bench: Bench): Promise<Outcome> {
  const { missing, where, setting, rounds, seconds, slack } = bench;
  const tool = missing.get('h2load');
  if (workload.application === 'h2' && tool !== undefined) return skipped(workload.about, tool);
  const absent = new Map<ContestantName, string>();
  for (const peer of workload.peers) {
    const reason = peer === 'relay' ? undefined : missing.get(peer);
    if (reason !== undefined) absent.set(peer, reason);
  }
  const contestants: readonly ContestantName[] = ['spillway', ...workload.peers];
  const names = contestants.filter((name) => !absent.has(name));
  const comparison = await compare(
    workload,
    names,
    where,
    { ...setting, tuning: workload.tuning },
    { rounds, seconds },
  );
  return {
    rows: judge(comparison, slack, absent, isShared(loadavg()[0]!, bench.cores.all.length)),
    figures: figureRows(comparison),
    notes: warnings(comparison).map((text) => `${workload.name}: ${text}`),
    raw: comparison,
  };
}
