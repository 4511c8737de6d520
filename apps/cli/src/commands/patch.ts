import { Command, InvalidArgumentError } from 'commander';
import { parse } from 'yaml';
import type { Json } from '../client.js';
import { kindOf } from '../kinds.js';
import { resolve, uuidOf } from '../resolve.js';
import { clientOf } from './shared.js';

/** Changes the fields that are named and no other; `apply` is for whole objects. */
export function patch(): Command {
  return new Command('patch')
    .description('change some fields of an object: patch pool app "enabled: false"')
    .argument('<kind>')
    .argument('<name>', 'name or uuid')
    .argument('<fields>', 'YAML or JSON: the fields and their new values', fields)
    .option('--add', 'add to lists instead of replacing them')
    .option('--remove', 'take from lists; other fields go back to their defaults')
    .action(
      async (
        typed: string,
        name: string,
        values: Json,
        options: { add?: boolean; remove?: boolean },
        command: Command,
      ) => {
        const client = clientOf(command);
        const kind = kindOf(typed);
        const how = options.add === true ? 'add' : options.remove === true ? 'delete' : 'replace';
        const object = await resolve(client, kind, name);
        await client.call('PATCH', `/api/${kind}/${uuidOf(object)}`, { [how]: values });
        console.log(`${kind} ${name} changed`);
      },
    );
}

function fields(text: string): Json {
  const value: unknown = parse(text);
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new InvalidArgumentError('fields and values, such as "enabled: false"');
  return value as Json;
}
