import { algorithms } from './measure/algorithms.js';
import { idle } from './measure/idle.js';
import { latency } from './measure/latency.js';
import type { Measurement } from './measure/measurement.js';
import { sideBySide } from './measure/side-by-side.js';
import { udp } from './measure/udp.js';
import { workers } from './measure/workers.js';
import { WORKLOADS } from './workloads.js';

/** Everything that is measured, by the name that `--only` takes, in the order of the table. */
export const MEASUREMENTS: ReadonlyMap<string, Measurement> = new Map<string, Measurement>([
  ...WORKLOADS.map((workload): [string, Measurement] => [workload.name, sideBySide(workload)]),
  ['algorithms', algorithms],
  ['udp', udp],
  ['workers', workers],
  ['idle', idle],
  ['latency', latency],
]);
