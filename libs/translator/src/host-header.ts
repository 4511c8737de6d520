import type { FilledPool } from '@spillway/model';
import type { HostHeader, Pool } from '@spillway/snapshot';

const APPEND: Readonly<Record<string, HostHeader['append_port']>> = {
  NON_DEFAULT_80_443: 'non_default',
  NEVER: 'never',
  ALWAYS: 'always',
};

/**
 * What servers of the pool are told as Host, by traffic and (`append_port`) by HTTP monitors. The name of TLS stands in for it only where the pool gives one
 * (`server_name`): without it TLS asks for what the client said.
 */
export function hostHeaderOf(pool: FilledPool, tls: boolean): Pick<Pool, 'host_header'> {
  const append_port = APPEND[pool.append_port] ?? 'non_default';
  if (pool.rewrite_host_header_to_server_name) return { host_header: { to: 'server_name', append_port } };
  if (pool.rewrite_host_header_to_sni && tls && pool.sni_enabled && pool.server_name)
    return { host_header: { to: 'sni', append_port } };
  const some = (pool.servers ?? []).some((s) => s.rewrite_host_header);
  return some || append_port !== 'non_default' ? { host_header: { to: 'as_is', append_port } } : {};
}
