import type { PersistenceProfile, Pool as PoolSpec } from '@spillway/snapshot';
import type { PlaneContext } from '../core/context.js';
import type { ServerRuntime } from '../core/server.js';
import { AppCookie } from './app-cookie.js';
import { ClientIp } from './client-ip.js';
import { CustomHeader } from './custom-header.js';
import { HttpCookie } from './http-cookie.js';
import type { Persistence } from './persistence.js';
import { TlsSession } from './tls-session.js';
import { ServerNames } from './servers.js';

/** How clients of a pool are led back to their server; null where they are not. */
export function persistenceFor(
  context: PlaneContext,
  spec: PoolSpec,
  servers: readonly ServerRuntime[],
  profile: PersistenceProfile | null,
): Persistence | null {
  if (profile === null) return null;
  const { by } = profile;
  const names = new ServerNames(servers);
  switch (by.type) {
    case 'http_cookie':
      return new HttpCookie(spec.uuid, names, profile, by);
    case 'client_ip': {
      const table = new ClientIp(context, spec.uuid, names, profile, by.timeout);
      if (by.mask !== undefined) table.mask = by.mask;
      return table;
    }
    case 'app_cookie': {
      const table = new AppCookie(context, spec.uuid, names, profile, by.timeout);
      table.name = by.name;
      return table;
    }
    case 'header': {
      const values = spec.servers.map((s) => s.prst_hdr_val);
      return new CustomHeader(by.name, profile, servers, values);
    }
    case 'tls':
      break;
  }
  return new TlsSession(context, spec.uuid, names, profile, by.timeout);
}
