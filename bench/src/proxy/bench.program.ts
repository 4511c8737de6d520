import { Scope, serveProgram } from '@spillway/testing';
import { assign, usableCores } from './host/cores.js';
import { makeCertificates } from './host/certificates.js';
import { build } from './host/native.js';
import { whyNoPerf } from './host/perf.js';
import { provide } from './host/packages.js';
import { skipped, type Bench, type Outcome } from './measure/measurement.js';
import type { Length } from './measure/compare.js';
import { MEASUREMENTS } from './measurements.js';
import { startOrigins } from './peers/start.js';
import { join } from 'node:path';

/** Runs inside the namespace of the bench; the origins live as long as it does. */
const scope = new Scope('bench-proxy');
let bench: Bench | undefined;

export interface Prepared {
  /** What is not as it should be here, for the reader. */
  notes: string[];
}

serveProgram({
  prepare: async ({ rounds, seconds, slack }: Length & { slack: number }): Promise<Prepared> => {
    const cores = assign(usableCores());
    if (typeof cores === 'string') throw new Error(cores);
    const missing = await provide(['nginx', 'haproxy', 'h2load', 'perf', 'gcc', 'taskset', 'openssl']);
    for (const tool of ['gcc', 'taskset', 'openssl'] as const)
      if (missing.has(tool)) throw new Error(missing.get(tool));
    const native = await build(scope);
    const dir = await scope.tempDir('bench-run');
    const origins = await startOrigins(scope, native, [cores.origin]);
    const certificates = await makeCertificates(await scope.tempDir('bench-certificates'));
    bench = {
      where: { native, cores, dir, originPid: origins.pid },
      cores,
      setting: { native, certificates, tuning: 'default', cores: [cores.proxy] },
      rounds,
      seconds,
      slack,
      missing,
    };
    const noPerf = await whyNoPerf(join(dir, 'perf.csv'));
    return { notes: noPerf === undefined ? [] : [`no instructions and cycles: ${noPerf}`] };
  },
  measure: async (name: string): Promise<Outcome> => {
    const measurement = MEASUREMENTS.get(name);
    if (measurement === undefined || bench === undefined) return skipped(name, 'no such measurement');
    return measurement.run(bench);
  },
  close: () => scope.close(),
});
