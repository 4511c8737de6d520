import { ClientConnection } from '../http/connection.js';
import { connectionOwners } from '../process/socket-owner.js';

/** One request on a connection of its own. */
export interface Visit {
  /** Address of the client. Default: whatever the system chooses. */
  from?: string;
  path?: string;
  headers?: Record<string, string>;
}

export interface VisitSpec {
  host: string;
  port: number;
  /** Name of each SE to the pid of its supervisor. */
  roots: Record<string, number>;
  visits: Visit[];
  /** How many are under way at a time. Default 50. */
  batch?: number;
}

/** What became of a visit. */
export interface Visited {
  /** The origin that answered; empty when none did. */
  origin: string;
  /** The SE that had the connection; empty when it is not one of those named. */
  se: string;
  status: number;
  cookies: string[];
  body: string;
  /** Empty when there was an answer. */
  failure: string;
}

/** Makes visits, batch by batch; the answers are in their order. */
export async function visit({ host, port, roots, visits, batch = 50 }: VisitSpec): Promise<Visited[]> {
  const all: Visited[] = [];
  for (let at = 0; at < visits.length; at += batch) {
    const tried = await Promise.all(visits.slice(at, at + batch).map((v) => one(host, port, v)));
    const owners = connectionOwners(host, port, roots);
    for (const { connection, visited } of tried) {
      all.push({ ...visited, se: (connection && owners.get(connection.localPort)) ?? '' });
      connection?.reset();
    }
  }
  return all;
}

async function one(
  host: string,
  port: number,
  { from, path = '/', headers = {} }: Visit,
): Promise<{ connection?: ClientConnection; visited: Visited }> {
  const visited: Visited = { origin: '', se: '', status: 0, cookies: [], body: '', failure: '' };
  let connection: ClientConnection | undefined;
  try {
    connection = await ClientConnection.open({
      host,
      port,
      ...(from !== undefined && { localAddress: from }),
    });
    const { head, body } = await connection.request({ path, headers, timeout: 5_000 });
    visited.status = head.status;
    for (const [name, value] of head.headers) {
      if (name === 'x-origin') visited.origin = value;
      if (name === 'set-cookie') visited.cookies.push(value);
    }
    visited.body = body.toString();
  } catch (error) {
    visited.failure = String(error);
  }
  return connection === undefined ? { visited } : { connection, visited };
}
