import type { AlgorithmContext } from './contract.js';

/** Open connections of a server, over all workers. */
export function openAt({ table, counts }: AlgorithmContext, place: number): number {
  const base = table.slots[place]! * counts.stride;
  let n = 0;
  for (let w = 0; w < counts.workers; w++) n += counts.cells[base + w]!;
  return n;
}

/** How loaded servers are, in connections: what `Least` goes by. */
export interface Loads {
  loadOf(place: number): number;
}
