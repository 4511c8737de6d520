/** So often an increment is tried when others try at the same moment. */
const TRIES = 16;

/** Sum of the cells of one slot. */
export function sumOf(cells: Int32Array, base: number, workers: number): number {
  let sum = 0;
  for (let w = 0; w < workers; w++) sum += Atomics.load(cells, base + w);
  return sum;
}

/**
 * Raises this worker's cell by one unless the sum over all workers would pass `limit`. Each worker writes its own cell
 * only, so what a dead worker held is freed by zeroing its cell, whatever it was doing when it died.
 *
 * Never more than `limit` are granted: of two that raise their cells at the same time, the later one sees the earlier.
 * Only while the last free place is contended may both see each other and one more try be needed; after TRIES of them
 * the place counts as taken.
 * @param base index of the slot's first cell
 * @param own this worker
 */
export function tryAdd(
  cells: Int32Array,
  base: number,
  workers: number,
  own: number,
  limit: number,
): boolean {
  for (let i = 0; i < TRIES; i++) {
    Atomics.add(cells, base + own, 1);
    if (sumOf(cells, base, workers) <= limit) return true;
    Atomics.sub(cells, base + own, 1);
    if (sumOf(cells, base, workers) >= limit) return false;
  }
  return false;
}
