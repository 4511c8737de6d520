import { serveProgram } from '../process/program.js';
import type { FaultProxy, FaultProxySpec, Faults } from './faults.js';
import { createFaultProxy } from './start.js';

let proxy: FaultProxy | undefined;

function running(): FaultProxy {
  if (!proxy) throw new Error('the fault proxy has not been started');
  return proxy;
}

serveProgram({
  start: async (spec: FaultProxySpec) => {
    proxy = await createFaultProxy(spec);
    return { host: proxy.host, port: proxy.port };
  },
  set: (faults: Partial<Faults>) => running().set(faults),
  counters: () => running().counters(),
  reset: () => running().reset(),
  refuse: () => running().refuse(),
  comeBack: () => running().comeBack(),
});
