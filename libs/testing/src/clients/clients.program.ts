import { serveProgram } from '../process/program.js';
import { Clients } from './clients.js';
import type { ClientsConfig, DrainNotice } from './config.js';

let clients: Clients | undefined;

function running(): Clients {
  if (!clients) throw new Error('the clients have not been started');
  return clients;
}

serveProgram({
  start: (config: ClientsConfig) => {
    clients = new Clients(config);
  },
  progress: () => running().progress(),
  report: () => running().report(),
  setServiceEngines: (roots: Record<string, number>) => running().setServiceEngines(roots),
  drain: (notice: DrainNotice) => running().drain(notice),
  stop: ({ grace }: { grace?: number }) => running().stop(grace),
});
