import { createAlgorithm, type AlgorithmName } from '@spillway/balancing';
import { poolOf, WORKERS } from './pool.js';

/*
 * Measures the picks of one algorithm in the runtime that it is run by, and prints a line of JSON. Arguments: its name,
 * and rounds, of which the fastest counts, since whatever else the machine does only makes a round slower.
 */

export interface Measured {
  algorithm: AlgorithmName;
  servers: number;
  /** `full`: all shares full; `held`: one server of ten has a quarter; `ratio`: ratios 1 to 4. */
  shares: 'full' | 'held' | 'ratio';
  /** Nanoseconds per pick, with the counts of its begin and its end. */
  ns: number;
}

const SIZES = [10, 1000, 5000] as const;
/** As `poolOf` takes it. */
const SHARES: Record<Measured['shares'], [held: number, ratios: boolean]> = {
  full: [0, false],
  held: [10, false],
  ratio: [0, true],
};
const PICKS = 20_000;
/** Requests at a time, of this worker. */
const OPEN = 256;

function measure(
  algorithm: AlgorithmName,
  servers: number,
  shares: Measured['shares'],
  rounds: number,
): number {
  const { context, cells, stride } = poolOf(servers, ...SHARES[shares]);
  const picker = createAlgorithm(algorithm, context);
  const open = new Int32Array(OPEN).fill(-1);
  let least = Infinity;
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    for (let k = 0; k < PICKS; k++) {
      const place = picker.pick(-1, Math.imul(k, 0x9e3779b1));
      cells[place * stride]!++;
      picker.changed(place);
      const over = open[k % OPEN]!;
      open[k % OPEN] = place;
      if (over < 0) continue;
      cells[over * stride]!--;
      picker.changed(over);
    }
    // What other workers do is not told to this one.
    const other = (round % servers) * stride + 1 + (round % (WORKERS - 1));
    cells[other]! += cells[other] === 0 ? 1 : -1;
    least = Math.min(least, ((performance.now() - began) * 1e6) / PICKS);
  }
  return least;
}

const algorithm = process.argv[2] as AlgorithmName;
const rounds = Number(process.argv[3]);
const measured: Measured[] = [];
for (const shares of Object.keys(SHARES) as Measured['shares'][])
  for (const servers of SIZES)
    measured.push({ algorithm, servers, shares, ns: measure(algorithm, servers, shares, rounds) });
console.log(JSON.stringify(measured));
