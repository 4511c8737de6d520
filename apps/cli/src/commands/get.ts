import { Command } from 'commander';
import { stringify } from 'yaml';
import type { Json } from '../client.js';
import { kindOf, viewOf } from '../kinds.js';
import { parseFormat, printRows } from '../output/print.js';
import { find, resolve, uuidOf } from '../resolve.js';
import { CliError, EXIT } from '../errors.js';
import { removeFiles } from './apply.js';
import { printServers } from './server.js';
import { clientOf, type GlobalOptions } from './shared.js';

export function get(): Command {
  return new Command('get')
    .description('list objects of a kind, or show one')
    .argument(
      '<kind>',
      'virtualservice (vs), pool, serviceengine (se), serviceenginegroup (seg), operation, servers (of a pool), ...',
    )
    .argument('[name]', 'name or uuid')
    .action(async (typed: string, name: string | undefined, _options, command: Command) => {
      const client = clientOf(command);
      const kind = kindOf(typed);
      if (kind === 'server') {
        if (name === undefined) throw new CliError('get servers takes a pool', EXIT.usage);
        await printServers(client, name, command);
        return;
      }
      const format = parseFormat(command.optsWithGlobals<GlobalOptions>().output);
      const view = viewOf(kind);
      if (format === 'json' || format === 'yaml') {
        const rows =
          name === undefined
            ? await client.list(`/api/${kind}?include_name=true&page_size=200`)
            : [await resolve(client, kind, name)];
        printRows(rows, view.columns, format, name !== undefined);
        return;
      }
      const rows = (await client.list(view.path)).filter((r) => name === undefined || isNamed(r, name));
      if (name !== undefined && rows.length === 0)
        throw new CliError(`no ${kind} is named ${name}`, EXIT.notFound);
      printRows(rows, view.columns, format);
    });
}

const isNamed = (row: Json, name: string): boolean => {
  const config = (row['config'] ?? row) as Json;
  return config['name'] === name || config['uuid'] === name || row['uuid'] === name;
};

/** Kinds whose runtime says more than their configuration. */
const WITH_RUNTIME = new Set(['virtualservice', 'pool', 'serviceengine']);

export function describe(): Command {
  return new Command('describe')
    .description('show one object with its runtime state and its last events')
    .argument('<kind>')
    .argument('<name>')
    .action(async (typed: string, name: string, _options, command: Command) => {
      const client = clientOf(command);
      const kind = kindOf(typed);
      const object = await resolve(client, kind, name);
      const parts: Json = { configuration: object };
      if (WITH_RUNTIME.has(kind))
        parts['runtime'] = await client.get(`/api/${kind}/${uuidOf(object)}/runtime?include_name=true`);
      const events = await client.list(`/api/event?obj_uuid=${uuidOf(object)}&page_size=10`);
      if (events.length > 0)
        parts['events'] = events.map(
          (e) => `${String(e['at'])}  ${String(e['event_id'])}  ${String(e['description'])}`,
        );
      console.log(stringify(parts).trimEnd());
    });
}

export function remove(): Command {
  return new Command('delete')
    .description('delete objects, named or those of files')
    .argument('[kind]')
    .argument('[names...]', 'names or uuids')
    .option('-f, --filename <files...>', 'delete what these YAML or JSON files hold, in reverse order')
    .option('--ignore-not-found', 'an absent object is no error')
    .action(
      async (
        typed: string | undefined,
        names: string[],
        options: { filename?: string[]; ignoreNotFound?: boolean },
        command: Command,
      ) => {
        if (options.filename !== undefined && typed === undefined)
          return removeFiles(options.filename, command);
        if (options.filename !== undefined || typed === undefined || names.length === 0)
          throw new CliError('delete takes a kind and names, or -f with files', EXIT.usage);
        const client = clientOf(command);
        const kind = kindOf(typed);
        for (const name of names) {
          if (
            options.ignoreNotFound === true &&
            !name.startsWith(`${kind}-`) &&
            (await find(client, kind, name)) === undefined
          )
            continue;
          await client.delete(`/api/${kind}/${uuidOf(await resolve(client, kind, name))}`);
          console.log(`${kind} ${name} deleted`);
        }
      },
    );
}
