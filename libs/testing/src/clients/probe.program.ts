import { serveProgram } from '../process/program.js';
import { firstServedBy, spread, type SpreadSpec } from './probe.js';

serveProgram({
  spread: (spec: SpreadSpec) => spread(spec),
  firstServedBy: (spec: Parameters<typeof firstServedBy>[0]) => firstServedBy(spec),
});
