import { get } from 'node:http';
import type { ApiClient, ApiList } from '../api/client.js';
import { until, WaitError } from '../process/wait.js';
import type { InstanceDirectory } from './directory.js';
import { StartError } from './failure.js';
import type { Sample } from './state.js';

/** One SE as the inventory shows it. */
export interface ServiceEngineEntry {
  uuid: string;
  config: { name: string };
  runtime?: { oper_status?: { state?: string } };
}

const connectTimeoutMs = 20_000;
const answerTimeoutMs = 20_000;

/** All SEs that the controller knows. */
export async function serviceEngineInventory(api: ApiClient): Promise<ServiceEngineEntry[]> {
  return (await api.get<ApiList<ServiceEngineEntry>>('/api/serviceengine-inventory?page_size=200')).results;
}

/**
 * Waits until the controller calls the SE up.
 *
 * @throws StartError when its process ends, or it does not connect in time; with the end of its log
 */
export async function serviceEngineConnects(
  directory: InstanceDirectory,
  api: ApiClient,
  name: string,
  alive: () => boolean,
): Promise<void> {
  const log = directory.file('se', name, 'se.log');
  const connected = async (): Promise<boolean> => {
    if (!alive()) throw new StartError(`${name} ended`, log);
    const entries = await serviceEngineInventory(api);
    return entries.some(
      ({ config, runtime }) => config.name === name && runtime?.oper_status?.state === 'OPER_UP',
    );
  };
  try {
    await until(`${name} to connect`, connected, { timeoutMs: connectTimeoutMs, everyMs: 25 });
  } catch (error) {
    if (error instanceof WaitError) throw new StartError(error.message, log);
    throw error;
  }
}

/** Waits until the sample application answers 200 at its VIP. @throws StartError with what it answers instead */
export async function sampleAnswers({ address, port }: Sample): Promise<void> {
  let last = 'nothing';
  try {
    await until(
      'the sample',
      async () => {
        last = await answer(address, port);
        return last === '200';
      },
      { timeoutMs: answerTimeoutMs, everyMs: 10 },
    );
  } catch (error) {
    if (!(error instanceof WaitError)) throw error;
    throw new StartError(
      `http://${address}:${port}/ of the sample did not answer 200 in ${answerTimeoutMs / 1000} s, but: ${last}`,
    );
  }
}

async function answer(host: string, port: number): Promise<string> {
  return await new Promise((resolve) => {
    const request = get({ host, port, path: '/', agent: false, timeout: 1000 }, (response) => {
      response.resume();
      response.once('error', (error) => resolve(String(error)));
      response.once('end', () => resolve(String(response.statusCode)));
    });
    request.once('timeout', () => request.destroy(new Error('no answer within 1 s')));
    request.once('error', (error) => resolve(String(error)));
  });
}
