import { isIP } from 'node:net';
import { addressRange, nameOf } from '@spillway/translator';
import { errors } from '../../errors.js';
import type { Spec } from '../../store/index.js';
import { addressOf, serversIn, writtenPort } from './pool-servers.js';

/** Servers that somebody names: an address, a range of them, or a name; all ports unless one is given. */
export interface ServerChoice {
  readonly text: string;
  readonly address: string;
  readonly port: number | undefined;
}

const MOST = 5000;

/** `10.0.0.5`, `10.0.0.5:8080`, `[fd00::1]:80`, `fd00::1`, `10.0.0.5-10.0.0.20:8080`, `app.example:80`. */
export function choiceOf(text: string): ServerChoice | undefined {
  const trimmed = text.trim();
  if (isIP(trimmed) === 6) return { text, address: trimmed, port: undefined };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+|[^[\]]*-[^[\]]*?))(?::(\d{1,5}))?$/.exec(trimmed);
  const address = match?.[1] ?? match?.[2];
  if (address === undefined || address === '') return undefined;
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { text, address, port };
}

/** The `servers` of an action: texts as above, or objects with `ip` and `port` as in a pool. */
export function choicesOf(body: unknown): ServerChoice[] {
  const given = (body as { servers?: unknown } | null | undefined)?.servers;
  if (!Array.isArray(given) || given.length === 0) throw notAllowed('servers', given);
  return given.map((one: unknown, i) => {
    if (typeof one === 'string') {
      const choice = choiceOf(one);
      if (choice !== undefined) return choice;
    } else if (typeof one === 'object' && one !== null) {
      const { ip, port } = one as { ip?: unknown; port?: unknown };
      const address = typeof ip === 'string' ? ip : (ip as { addr?: unknown } | undefined)?.addr;
      const isPort =
        port === undefined || (Number.isInteger(port) && Number(port) >= 0 && Number(port) <= 65_535);
      if (typeof address === 'string' && address !== '' && isPort)
        return {
          text: port ? `${address}:${Number(port)}` : address,
          address,
          port: port ? Number(port) : undefined,
        };
    }
    throw notAllowed(`servers[${i}]`, one);
  });
}

/**
 * The places of the chosen servers in the list of a pool.
 * @throws {ApiError} 400 for a pool without a list, and for a server that it does not have
 */
export function chosen(
  pool: { name: string; spec: Readonly<Spec> },
  choices: readonly ServerChoice[],
): Set<number> {
  const { name, spec } = pool;
  if (spec['ipaddrgroup_ref'] !== undefined)
    throw errors.badRequest(
      'FIELD_INVALID',
      `Field check for servers failed : Pool ${name} takes its servers from an IP group, and servers of a group cannot be changed one by one. Change the group, or list the servers in the pool`,
      { field: 'servers', pool: name },
    );
  const servers = serversIn(spec);
  const standard = Number(spec['default_server_port'] ?? 80);
  const found = new Set<number>();
  for (const choice of choices) {
    const wanted = new Set(addressesOf(choice.address));
    const places = servers.flatMap((server, i) => {
      const isIt = wanted.has(addressOf(server).toLowerCase()) || wanted.has(nameOf(server as never) ?? '');
      const port = writtenPort(server) || standard;
      return isIt && (choice.port === undefined || choice.port === port) ? [i] : [];
    });
    if (places.length === 0)
      throw errors.badRequest(
        'SERVER_NOT_FOUND',
        `Field check for servers failed : Pool ${name} has no server ${choice.text}. Name one as GET /api/pool/<uuid> lists it; the addresses of a name are named by the name`,
        { field: 'servers', pool: name },
      );
    for (const place of places) found.add(place);
  }
  return found;
}

/** One address, those of a range, or a name. */
function addressesOf(text: string): string[] {
  const [begin = '', end = ''] = text.split('-');
  const range = isIP(begin.trim()) === 0 ? undefined : addressRange(begin.trim(), end.trim(), MOST);
  return range ?? [text.toLowerCase()];
}

const notAllowed = (field: string, value: unknown): Error =>
  errors.badRequest(
    'FIELD_INVALID',
    `Field check for ${field} failed : ${JSON.stringify(value) ?? 'nothing'} is not allowed. Give servers as a list of texts such as "10.0.0.5:8080", or of objects with ip and port`,
    { field },
  );
