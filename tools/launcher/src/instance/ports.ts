import { UsageError } from '../errors.js';
import { freePort, isFree } from '../process/port.js';
import type { Ports } from './state.js';

const preferred: Ports = { api: 9443, grpc: 9444, status: 9445 };

/**
 * The ports for a start: those of the last one where they are free (running SEs look for the controller
 * there), else the usual ones, else free ones, which is what a second instance gets.
 *
 * @throws UsageError when the API port that was asked for is taken
 */
export async function choosePorts(last: Ports | undefined, apiPort: number | undefined): Promise<Ports> {
  if (apiPort && !(await isFree(apiPort)))
    throw new UsageError(`--api-port ${apiPort}: somebody listens there already`, 'give another port');
  const taken = new Set<number>();
  const choose = async (...wishes: (number | undefined)[]): Promise<number> => {
    for (const wish of wishes) {
      if (wish === undefined || taken.has(wish) || !(await isFree(wish))) continue;
      taken.add(wish);
      return wish;
    }
    const port = await freePort();
    return taken.has(port) ? await choose() : (taken.add(port), port);
  };
  const api = apiPort
    ? await choose(apiPort)
    : await choose(last?.api, ...(apiPort === 0 ? [] : [preferred.api]));
  return {
    api,
    grpc: await choose(last?.grpc, preferred.grpc),
    status: await choose(last?.status, preferred.status),
  };
}
