import { UsageError } from '../errors.js';
import { claim } from '../process/lock.js';
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
  const choose = async (...wishes: (number | undefined)[]): Promise<number> => {
    for (const wish of wishes) {
      // The claim is against another start that chooses at the same moment.
      if (wish !== undefined && (await isFree(wish)) && (await claim(`port ${wish}`))) return wish;
    }
    return await choose(await freePort());
  };
  return {
    api: await choose(apiPort || undefined, last?.api, apiPort === 0 ? undefined : preferred.api),
    grpc: await choose(last?.grpc, preferred.grpc),
    status: await choose(last?.status, preferred.status),
  };
}
