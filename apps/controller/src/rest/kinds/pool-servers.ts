import { addressRange } from '@spillway/translator';
import { errors } from '../../errors.js';
import type { Spec } from '../../store/index.js';

/** Servers of one pool. */
const MOST_SERVERS = 5000;

export const serversIn = (spec: Readonly<Spec> | undefined): readonly Spec[] =>
  Array.isArray(spec?.['servers']) ? (spec['servers'] as Spec[]) : [];

export function addressOf(server: Readonly<Spec>): string {
  const addr = (server['ip'] as Spec | undefined)?.['addr'];
  return typeof addr === 'string' ? addr : '';
}

/** As it is written: 0 where the pool's default is meant. */
export const writtenPort = (server: Readonly<Spec>): number => Number(server['port'] ?? 0);

/**
 * A range of addresses in place of one (`10.0.0.5-10.0.0.20`) stands for a server at each of them, all with what is
 * written beside it (pools document, Add Servers by IP Address).
 * @throws {ApiError} 400 for a range that is none, or that no pool could hold
 */
export function withRanges(servers: readonly Spec[]): Spec[] {
  return servers.flatMap((server, i) => {
    const written = addressOf(server);
    const ip = server['ip'] as Spec | undefined;
    const [begin = '', end = '', ...more] = written.split('-');
    // Names have dashes too.
    if (end === '' || ip?.['type'] === 'DNS') return [server];
    const addresses = more.length > 0 ? undefined : addressRange(begin.trim(), end.trim(), MOST_SERVERS + 1);
    if (addresses === undefined || addresses.length > MOST_SERVERS)
      throw errors.badRequest(
        'FIELD_INVALID',
        `Field check for servers[${i}].ip.addr failed : ${JSON.stringify(written)} is ${addresses === undefined ? 'not a range of addresses' : `more than the ${MOST_SERVERS} servers of a pool`}. Write the lower address, a dash and the higher one, such as 10.0.0.5-10.0.0.20`,
        { field: `servers[${i}].ip.addr` },
      );
    const type = begin.includes(':') ? 'V6' : 'V4';
    const named = server['hostname'] !== written;
    return addresses.map((addr) => ({
      ...server,
      ip: { ...ip, addr, type },
      ...(named ? {} : { hostname: addr }),
    }));
  });
}

const key = (server: Readonly<Spec>): string => `${addressOf(server)} ${writtenPort(server)}`;

/**
 * Servers that are disabled carry since when: it is what their graceful time-out runs from, on every service engine and
 * over every restart.
 * @param now milliseconds since 1970
 */
export function withDisabledAt(servers: readonly Spec[], before: readonly Spec[], now: number): Spec[] {
  const known = new Map(before.map((server) => [key(server), server]));
  return servers.map(({ disabled_at: _given, ...server }) => {
    if (server['enabled'] !== false) return server;
    const had = known.get(key(server));
    const since = had?.['enabled'] === false ? had['disabled_at'] : undefined;
    return { ...server, disabled_at: typeof since === 'number' ? since : now };
  });
}
