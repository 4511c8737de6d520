import { hashText, type AlgorithmContext } from '@spillway/balancing';

/** Cells per server in the shared counts, as in an SE of up to 16 workers. */
const STRIDE = 16;
/** As many workers as count connections; the picks are those of one of them. */
export const WORKERS = 4;

/** A pool that is picked from: its servers, and what is open at each. */
export interface MeasuredPool {
  readonly context: AlgorithmContext;
  readonly cells: Int32Array;
  readonly stride: number;
}

/**
 * A pool of `count` servers that are up.
 * @param held one of so many servers has a quarter of its share, as in a ramp; 0: none
 * @param ratios 1 to 4 in turn instead of 1
 */
export function poolOf(count: number, held: number, ratios: boolean): MeasuredPool {
  const cells = new Int32Array(count * STRIDE);
  const state = new Int32Array(count * STRIDE);
  const each = <T>(make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  return {
    cells,
    stride: STRIDE,
    context: {
      table: {
        count,
        identities: Uint32Array.from(each((i) => hashText(`10.0.${i >> 8}.${i & 255} 80`))),
        slots: Int32Array.from(each((i) => i)),
        ratios: Uint8Array.from(each((i) => (ratios ? 1 + (i % 4) : 1))),
        eligible: new Uint8Array(count).fill(1),
        shares: Float64Array.from(each((i) => (held > 0 && i % held === 0 ? 0.25 : 1))),
        reduced: held > 0,
      },
      counts: { cells, stride: STRIDE, workers: WORKERS },
      latency: {
        words: state,
        first: Int32Array.from(each((i) => i * STRIDE + 9)),
        work: new Float64Array(count * STRIDE),
        clock: { coarse: 0 },
        now: () => 1,
      },
      start: 0,
      worker: 0,
      coreNonaffinity: 2,
      previous: null,
      capacityThreshold: 0,
      tasks: { of: (place) => cells[place * STRIDE]! + 1000 },
    },
  };
}
