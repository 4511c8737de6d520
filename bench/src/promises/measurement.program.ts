import { Scope, serveProgram, withTimeout } from '@spillway/testing';
import { isMeasurement, MEASUREMENTS } from './measurements.js';

serveProgram({
  /** Runs one measurement in this process, which is inside its namespace, and takes everything down again. */
  measure: async (name: string) => {
    if (!isMeasurement(name)) throw new Error(`no such measurement: ${name}`);
    const { limit, measure } = MEASUREMENTS[name];
    const scope = new Scope(`bench-${name}`);
    try {
      return await withTimeout(measure(scope), limit * 1_000, name);
    } finally {
      await scope.close();
    }
  },
});
