import type { ApiClient, ApiList } from '../api/client.js';
import type { Sample } from '../instance/state.js';
import { type PoolServer, sampleObjects } from './objects.js';

interface FoundPool extends Record<string, unknown> {
  uuid: string;
  servers?: PoolServer[];
}

/**
 * Makes the sample application through the public API, as far as it is not there: what is there stays as its
 * owner left it.
 */
export async function createSample(api: ApiClient, sample: Sample): Promise<void> {
  for (const { kind, body } of sampleObjects(sample)) {
    const { count } = await api.get<ApiList<unknown>>(`/api/${kind}?name=${encodeURIComponent(body.name)}`);
    if (count === 0) await api.post(`/api/${kind}`, body);
  }
}

/** Lets the pool's servers follow origin servers that found their old ports taken. */
export async function moveServers(api: ApiClient, from: number[], to: number[]): Promise<void> {
  const { results } = await api.get<ApiList<FoundPool>>('/api/pool?name=sample-pool');
  const [pool] = results;
  if (!pool?.servers) return;
  await api.put(`/api/pool/${pool.uuid}`, { ...pool, servers: withPorts(pool.servers, from, to) });
}

/** The servers, with each old port of an origin replaced by its new one; other servers as they are. */
export function withPorts(servers: PoolServer[], from: number[], to: number[]): PoolServer[] {
  return servers.map((server) => {
    const port = to[from.indexOf(server.port)];
    return server.ip.addr === '127.0.0.1' && port !== undefined ? { ...server, port } : server;
  });
}
