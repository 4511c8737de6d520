import { Command } from 'commander';
import type { Client, Json } from '../client.js';
import { at, type Column } from '../kinds.js';
import { parseFormat, printRows } from '../output/print.js';
import { resolve, uuidOf } from '../resolve.js';
import { text } from '../text.js';
import { clientOf, type GlobalOptions } from './shared.js';

const COLUMNS: Column[] = [
  { title: 'SERVER', value: (r) => r['uuid'] },
  { title: 'NAME', value: (r) => (r['name'] === at(r, 'ip.addr') ? '' : r['name']) },
  { title: 'STATE', value: (r) => text(at(r, 'oper_status.state') ?? '').replace(/^OPER_/, '') },
  { title: 'RATIO', value: (r) => r['ratio'] },
  { title: 'SHARE', value: (r) => shareOf(r['share']) },
  { title: 'OPEN', value: (r) => r['connections_open'] },
  { title: 'ACTIVE', value: (r) => r['connections_active'] },
  { title: 'REASON', value: (r) => ((at(r, 'oper_status.reason') ?? []) as unknown[]).map(text).join('; ') },
];

/** What servers take before they get slower, and whether the load needs them: where that is estimated. */
const ESTIMATED: Column[] = [
  { title: 'CAPACITY', value: (r) => capacityOf(r['estimated_capacity']) },
  {
    title: 'LOAD',
    value: (r) => (r['in_use'] === true ? 'in use' : r['excess'] === true ? 'in excess' : ''),
  },
];

function capacityOf(estimate: unknown): string {
  const requests = at(estimate, 'requests');
  if (typeof requests !== 'number') return '';
  return `${at(estimate, 'at_least') === true ? '>= ' : ''}${Math.round(requests * 10) / 10}`;
}

/** What ramp and passive monitor leave of its share, on the SE that leaves it least; nothing where it has all. */
const shareOf = (share: unknown): string =>
  typeof share === 'number' ? `${Math.round(share * 1000) / 10} %` : '';

/** The servers of a pool as they run. */
export async function printServers(client: Client, pool: string, command: Command): Promise<void> {
  const uuid = uuidOf(await resolve(client, 'pool', pool));
  const rows = await client.list(`/api/pool/${uuid}/runtime/server`);
  const estimated = rows.some((r) => r['estimated_capacity'] !== undefined || r['in_use'] !== undefined);
  const columns = estimated ? [...COLUMNS.slice(0, -1), ...ESTIMATED, ...COLUMNS.slice(-1)] : COLUMNS;
  printRows(rows, columns, parseFormat(command.optsWithGlobals<GlobalOptions>().output));
}

const ACTIONS: readonly (readonly [
  name: string,
  path: string,
  body: Json,
  done: string,
  description: string,
])[] = [
  ['enable', 'enable', {}, 'enabled', 'use servers again, once they have passed a check'],
  ['disable', 'disable', {}, 'disabled', 'take servers out at once: their connections are reset'],
  [
    'graceful-disable',
    'disable',
    { graceful: true },
    'disabled gracefully',
    "take servers out; what is under way ends within the pool's graceful_disable_timeout",
  ],
  ['add', 'add', {}, 'added', 'add servers: addresses, ranges such as 10.0.0.5-10.0.0.20, names'],
  ['remove', 'remove', {}, 'removed', 'remove servers from the pool: their connections are reset'],
];

export function server(): Command {
  const command = new Command('server').description(
    'list, enable, disable, add and remove servers of a pool',
  );
  command
    .command('list', { isDefault: true })
    .argument('<pool>', 'name or uuid')
    .action((pool: string, _options, self: Command) => printServers(clientOf(self), pool, self));
  for (const [name, path, body, done, description] of ACTIONS)
    command
      .command(name)
      .description(description)
      .argument('<pool>', 'name or uuid')
      .argument('<servers...>', 'ADDRESS[:PORT], FIRST-LAST[:PORT] or NAME[:PORT]')
      .action(async (pool: string, servers: string[], _options, self: Command) => {
        const client = clientOf(self);
        const uuid = uuidOf(await resolve(client, 'pool', pool));
        await client.post(`/api/pool/${uuid}/server/${path}`, { servers, ...body });
        for (const one of servers) console.log(`server ${one} of pool ${pool} ${done}`);
      });
  return command;
}
