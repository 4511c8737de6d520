import type { AlgorithmContext } from './contract.js';

/** Open connections per ratio of a server, over all workers, as they would be with one more. */
export function loadWithOneMore({ table, counts }: AlgorithmContext, place: number): number {
  const base = table.slots[place]! * counts.stride;
  let n = 1;
  for (let w = 0; w < counts.workers; w++) n += counts.cells[base + w]!;
  return n / table.ratios[place]!;
}
