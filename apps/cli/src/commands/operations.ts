import { Command } from 'commander';
import { kindOf, viewOf, type Column } from '../kinds.js';
import { parseFormat, printRows } from '../output/print.js';
import { cell } from '../output/table.js';
import { follow } from '../progress.js';
import { resolve, uuidOf } from '../resolve.js';
import { text } from '../text.js';
import { clientOf, seconds, type GlobalOptions } from './shared.js';

export function operations(): Command {
  const command = new Command('operations')
    .alias('ops')
    .description('list operations; wait for, cancel or answer one');
  command
    .command('list', { isDefault: true })
    .option('--running', 'only those that have not ended')
    .action(async (options: { running?: boolean }, self: Command) => {
      const client = clientOf(self);
      const view = viewOf('operation');
      const rows = (await client.list(view.path)).filter(
        (r) => options.running !== true || r['state'] === 'running' || r['state'] === 'waiting',
      );
      printRows(rows, view.columns, parseFormat(self.optsWithGlobals<GlobalOptions>().output));
    });
  command
    .command('wait <uuid>')
    .option('--timeout <seconds>', 'longest wait', seconds, 300)
    .action(async (uuid: string, options: { timeout: number }, self: Command) => {
      await follow(clientOf(self), uuid, { timeout: options.timeout, quiet: false });
    });
  command.command('cancel <uuid>').action(async (uuid: string, _options, self: Command) => {
    await clientOf(self).post(`/api/operation/${uuid}/cancel`, {});
    console.log(`cancel of ${uuid} requested`);
  });
  command
    .command('answer <uuid> <json>')
    .description('answer the question that a waiting operation asks')
    .action(async (uuid: string, json: string, _options, self: Command) => {
      await clientOf(self).post(`/api/operation/${uuid}/answer`, JSON.parse(json));
      console.log(`${uuid} answered`);
    });
  return command;
}

const EVENT_COLUMNS: Column[] = [
  { title: 'TIME', value: (r) => r['at'] },
  { title: 'EVENT', value: (r) => r['event_id'] },
  { title: 'OBJECT', value: (r) => r['obj_name'] },
  { title: 'USER', value: (r) => r['user_name'] },
  { title: 'DESCRIPTION', value: (r) => r['description'] },
];

export function events(): Command {
  return new Command('events')
    .description('the newest events, of one object or of all')
    .argument('[kind]')
    .argument('[name]')
    .option('--limit <n>', 'how many', '50')
    .action(
      async (
        typed: string | undefined,
        name: string | undefined,
        options: { limit: string },
        command: Command,
      ) => {
        const client = clientOf(command);
        const of =
          typed === undefined || name === undefined
            ? ''
            : `&obj_uuid=${uuidOf(await resolve(client, kindOf(typed), name))}`;
        const page = await client.get(`/api/event?page_size=${options.limit}${of}`);
        printRows(
          (page['results'] ?? []) as Record<string, unknown>[],
          EVENT_COLUMNS,
          parseFormat(command.optsWithGlobals<GlobalOptions>().output),
        );
      },
    );
}

export function watch(): Command {
  return new Command('watch')
    .description('show operations as they go, until interrupted')
    .action(async (_options, command: Command) => {
      const client = clientOf(command);
      const told = new Map<unknown, string>();
      for await (const { data } of client.events('/api/operation/watch')) {
        if (data === '') continue;
        const o = JSON.parse(data) as Record<string, unknown>;
        const line = [
          o['changed_at'],
          o['type'],
          o['subject_name'],
          o['state'],
          `${text(o['progress'] ?? 0)}%`,
          o['error'] || o['text'],
        ]
          .map(cell)
          .join('  ');
        // A controller may tell a state more than once.
        if (told.get(o['uuid']) !== line) console.log(line);
        told.set(o['uuid'], line);
      }
    });
}
