import fc from 'fast-check';
import { createAlgorithm, type AlgorithmName } from '../algorithms.js';
import type { Algorithm, AlgorithmContext, LatencyState, ServerTable } from '../contract.js';
import { hashText } from '../hash.js';

/** Servers and their counts, for the tests of the algorithms. */
export interface World {
  table: ServerTable;
  counts: { cells: Int32Array; stride: number; workers: number };
  latency: LatencyState & { clock: { coarse: number }; time: number };
}

const STRIDE = 16;

/** A pool with these ratios; `names` are the servers' identities. */
export function world(given: readonly number[], workers = 1, names?: readonly string[]): World {
  const count = given.length;
  return {
    table: {
      count,
      identities: Uint32Array.from(given, (_, i) => hashText(names?.[i] ?? `10.0.${i >> 8}.${i & 255} 80`)),
      // Slots in another order than places, so that mixing them up is seen.
      slots: Int32Array.from(given, (_, i) => count - 1 - i),
      ratios: Uint8Array.from(given),
      eligible: new Uint8Array(count).fill(1),
      shares: new Float64Array(count).fill(1),
      reduced: false,
    },
    counts: { cells: new Int32Array(count * STRIDE), stride: STRIDE, workers },
    latency: latencyOf(count),
  };
}

function latencyOf(count: number): World['latency'] {
  const latency = {
    words: new Int32Array(count * STRIDE),
    first: Int32Array.from({ length: count }, (_, i) => i * STRIDE + 3),
    work: new Float64Array(count * STRIDE),
    clock: { coarse: 0 },
    time: 1,
    now: () => latency.time,
  };
  return latency;
}

/** Lets time go on. */
export function passes({ latency }: World, milliseconds: number): void {
  latency.time += milliseconds;
  latency.clock.coarse = Math.floor(latency.time / 100) * 100;
}

export function algorithm(
  name: AlgorithmName,
  { table, counts, latency }: World,
  {
    start = 0,
    worker = 0,
    coreNonaffinity = 2,
    previous = null,
    capacityThreshold = 0,
    tasks,
    serving,
    turn,
  }: Partial<AlgorithmContext> = {},
): Algorithm {
  return createAlgorithm(name, {
    table,
    counts,
    latency,
    start,
    worker,
    coreNonaffinity,
    previous,
    capacityThreshold,
    tasks,
    serving,
    turn,
  });
}

/** Gives servers their shares; 0 makes one not eligible. Tell the algorithms by `refresh`. */
export function setShares({ table }: World, shares: readonly number[]): void {
  for (let i = 0; i < table.count; i++) {
    table.shares[i] = shares[i] ?? 1;
    table.eligible[i] = table.shares[i] === 0 ? 0 : 1;
  }
  table.reduced = table.shares.some((s) => s > 0 && s < 1);
}

/** Open connections of a server over all workers. */
export const load = ({ table, counts }: World, place: number): number => {
  let n = 0;
  for (let w = 0; w < counts.workers; w++) n += counts.cells[table.slots[place]! * STRIDE + w]!;
  return n;
};

export const add = ({ table, counts }: World, place: number, worker: number, by: number): void => {
  counts.cells[table.slots[place]! * STRIDE + worker]! += by;
};

export const ratios = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 });
