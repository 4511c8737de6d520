import { CODE_CELLS } from './codes.js';
import { SERVER_COUNTERS, VS_COUNTERS, type VsHistogram } from './counters.js';
import { BUCKETS, COARSE_BUCKETS } from './histogram.js';
import { SERVER_BUCKETS, VS_BUCKETS } from './layout.js';

/** Sum over all workers of what was counted for one virtual service, the dead ones too. */
export interface ServiceTotals {
  /** Indexed by `VS`. */
  readonly counters: Float64Array;
  /** Indexed by `codeCell`. */
  readonly codes: Float64Array;
  /** All histograms one after the other (`histogramOf`). They wrap at 2^32: only differences mean something. */
  readonly buckets: Uint32Array;
}

/** Sum over all workers of what was counted for one server. */
export interface ServerTotals {
  /** Indexed by `SERVER`. */
  readonly counters: Float64Array;
  /** Time from the request sent to the first byte of its response. They wrap at 2^32. */
  readonly buckets: Uint32Array;
}

export const emptyServiceTotals = (): ServiceTotals => ({
  counters: new Float64Array(VS_COUNTERS),
  codes: new Float64Array(CODE_CELLS),
  buckets: new Uint32Array(VS_BUCKETS),
});

export const emptyServerTotals = (): ServerTotals => ({
  counters: new Float64Array(SERVER_COUNTERS),
  buckets: new Uint32Array(SERVER_BUCKETS),
});

/** Where a histogram begins among the buckets of a virtual service. */
export const histogramAt = (which: VsHistogram): number =>
  which === 0 ? 0 : BUCKETS + (which - 1) * COARSE_BUCKETS;

/** The part of `buckets` that is one histogram. */
export function histogramOf<T extends Uint32Array | Float64Array>(buckets: T, which: VsHistogram): T {
  const at = histogramAt(which);
  return buckets.subarray(at, at + (which === 0 ? BUCKETS : COARSE_BUCKETS)) as T;
}
