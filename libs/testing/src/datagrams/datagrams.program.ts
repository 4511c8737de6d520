import { serveProgram } from '../process/program.js';
import { DatagramFlows, datagramOrigin, type FlowsSpec } from './flows.js';

const flows = new DatagramFlows();

serveProgram({
  origin: ({ name, host }: { name: string; host: string }) => datagramOrigin(name, host),
  start: (spec: FlowsSpec) => flows.start(spec),
  report: () => flows.report(),
  stop: () => flows.stop(),
});
