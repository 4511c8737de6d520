import { withScope } from '@spillway/testing';
import { startContestant, type Contestant, type Setting } from '../peers/start.js';
import { ORIGIN_PORTS, portOf } from '../peers/ports.js';
import type { ContestantName, Workload } from '../workloads.js';
import { drive, type Drive, type Run } from './drive.js';

/** All runs of a workload, round by round. */
export interface Comparison {
  workload: Workload;
  runs: Partial<Record<ContestantName, Run[]>>;
  /** The same load on the servers themselves. */
  direct: Run;
}

/** How long to measure. */
export interface Length {
  rounds: number;
  seconds: number;
}

/** Seconds of load before anything is counted, in two parts: code is compiled, and connections are made. */
const WARM = 2;

/**
 * Sets the contestants against each other: all of them run, one after the other gets the load, and every other round
 * the order is reversed, so that a neighbour of this machine disturbs all alike.
 */
export function compare(
  workload: Workload,
  names: readonly ContestantName[],
  where: Drive,
  setting: Setting,
  { rounds, seconds }: Length,
): Promise<Comparison> {
  return withScope(`bench-${workload.name}`, async (scope) => {
    const contestants: Contestant[] = [];
    for (const name of names) contestants.push(await startContestant(scope, name, setting));
    const measure = ({ name, pid, pids }: Contestant, length: number): Promise<Run> =>
      drive(where, workload, portOf(name, workload.application), length, { pid, pids: pids() });
    for (const contestant of [...contestants, ...contestants]) await measure(contestant, WARM);
    const runs: Comparison['runs'] = {};
    for (let round = 0; round < rounds; round++)
      for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed())
        (runs[contestant.name] ??= []).push(await measure(contestant, seconds));
    const plain = { ...workload, application: 'http' } as const;
    const origin = { pid: where.originPid, pids: [where.originPid] };
    return { workload, runs, direct: await drive(where, plain, ORIGIN_PORTS[0], 1, origin) };
  });
}
