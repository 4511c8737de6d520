import {
  createAlgorithm,
  hashText,
  type Algorithm,
  type AlgorithmContext,
  type AlgorithmName,
} from '@spillway/balancing';

/** The pool of one worker, for pictures of what its algorithm does. */
export interface PlottedPool {
  readonly algorithm: Algorithm;
  readonly context: AlgorithmContext;
  /** Open connections of each server. */
  readonly open: Int32Array;
}

export const identitiesOf = (count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => hashText(`10.0.${i >> 8}.${i & 255} 80`));

export function poolOf(name: AlgorithmName, count: number): PlottedPool {
  const open = new Int32Array(count);
  const context: AlgorithmContext = {
    table: {
      count,
      identities: identitiesOf(count),
      slots: Int32Array.from({ length: count }, (_, i) => i),
      ratios: new Uint8Array(count).fill(1),
      eligible: new Uint8Array(count).fill(1),
      shares: new Float64Array(count).fill(1),
      reduced: false,
    },
    counts: { cells: open, stride: 1, workers: 1 },
    latency: {
      words: new Int32Array(count * 6),
      first: Int32Array.from({ length: count }, (_, i) => i * 6),
      work: new Float64Array(count),
      clock: { coarse: 0 },
      now: () => 1,
    },
    start: 0,
    worker: 0,
    coreNonaffinity: 1,
    previous: null,
    capacityThreshold: 0,
  };
  return { context, open, algorithm: createAlgorithm(name, context) };
}
