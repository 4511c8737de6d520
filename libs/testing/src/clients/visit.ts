import { connect } from 'node:tls';
import { ClientConnection } from '../http/connection.js';
import { connectionOwners } from '../process/socket-owner.js';

/** One request on a connection of its own. */
export interface Visit {
  /** Address of the client. Default: whatever the system chooses. */
  from?: string;
  path?: string;
  headers?: Record<string, string>;
  /** Over TLS of this version; whose certificate it is does not matter. */
  tls?: { version: 'TLSv1.2' | 'TLSv1.3'; /** To be resumed, base64. */ session?: string };
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
  /** The TLS session that can be resumed next, base64; empty without one. */
  session: string;
  /** That of the visit was resumed. */
  resumed: boolean;
  /** Empty when there was an answer. */
  failure: string;
}

const NOTHING: Visited = {
  origin: '',
  se: '',
  status: 0,
  cookies: [],
  body: '',
  session: '',
  resumed: false,
  failure: '',
};

/** What is left open until it is known whose it is. */
interface Connection {
  readonly localPort: number;
  reset(): void;
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
  { from, path = '/', headers = {}, tls }: Visit,
): Promise<{ connection?: Connection; visited: Visited }> {
  if (tls !== undefined) return overTls(host, port, path, tls);
  const visited: Visited = { ...NOTHING, cookies: [] };
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

/** Nothing but where the answer comes from is read of it. */
function overTls(
  host: string,
  port: number,
  path: string,
  { version, session }: NonNullable<Visit['tls']>,
): Promise<{ connection?: Connection; visited: Visited }> {
  const { promise, resolve } = Promise.withResolvers<{ connection?: Connection; visited: Visited }>();
  const socket = connect({
    host,
    port,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ...(session !== undefined && { session: Buffer.from(session, 'base64') }),
  });
  const visited: Visited = { ...NOTHING, cookies: [] };
  const fail = (why: string): void => {
    socket.destroy();
    resolve({ visited: { ...visited, failure: why } });
  };
  const timer = setTimeout(() => fail('no answer within 5 s'), 5_000);
  let latest: Buffer | undefined;
  let text = '';
  const look = (): void => {
    const origin = /\r\nx-origin: ([^\r]*)[\s\S]*\r\n\r\n/i.exec(text)?.[1];
    if (origin === undefined || (version === 'TLSv1.3' && latest === undefined)) return;
    clearTimeout(timer);
    visited.origin = origin;
    visited.status = Number(text.slice(9, 12));
    visited.resumed = socket.isSessionReused();
    visited.session = (latest ?? socket.getSession())?.toString('base64') ?? '';
    const { localPort = 0 } = socket;
    resolve({ connection: { localPort, reset: () => socket.destroy() }, visited });
  };
  socket.on('session', (s: Buffer) => {
    latest = s;
    look();
  });
  socket.on('data', (d: Buffer) => {
    text += d.toString('latin1');
    look();
  });
  socket.once('error', (error) => fail(String(error)));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return promise;
}
