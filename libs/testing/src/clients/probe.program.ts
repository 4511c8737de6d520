import { serveProgram } from '../process/program.js';
import { visit, type VisitSpec } from './visit.js';
import { firstServedBy, spread, type SpreadSpec } from './probe.js';

serveProgram({
  visit: (spec: VisitSpec) => visit(spec),
  spread: (spec: SpreadSpec) => spread(spec),
  firstServedBy: (spec: Parameters<typeof firstServedBy>[0]) => firstServedBy(spec),
});
