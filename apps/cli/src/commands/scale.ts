import { Command } from 'commander';
import type { Client, Json } from '../client.js';
import { CliError } from '../errors.js';
import { at } from '../kinds.js';
import { parseFormat, printRows } from '../output/print.js';
import { follow } from '../progress.js';
import { resolve, uuidOf } from '../resolve.js';
import { vipIdOf } from '../vip.js';
import { clientOf, seconds, type GlobalOptions } from './shared.js';

interface WaitOptions {
  vip?: string;
  wait?: boolean;
  timeout: number;
  quiet?: boolean;
}

/** An action of a virtual service, with the options that all of them share. */
function action(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<virtualservice>', 'name or uuid')
    .option('--vip <id>', 'vip_id of the VIP; otherwise the only one that it has')
    .option('--wait', 'follow the operation to its end')
    .option('--timeout <seconds>', 'longest wait', seconds, 300)
    .option('-q, --quiet', 'no progress');
}

async function act(
  command: Command,
  name: string,
  verb: string,
  options: WaitOptions,
  body: (client: Client) => Promise<Json>,
): Promise<void> {
  const format = parseFormat(command.optsWithGlobals<GlobalOptions>().output);
  const client = clientOf(command);
  const vs = await resolve(client, 'virtualservice', name);
  const reply = await client.post(`/api/virtualservice/${uuidOf(vs)}/${verb}`, {
    vip_id: options.vip ?? (await vipIdOf(client, vs)),
    ...(await body(client)),
  });
  const operation = at(reply, 'operation.uuid') ?? reply['operation_uuid'];
  if (typeof operation !== 'string') {
    if (options.wait === true)
      throw new CliError(`the controller accepted ${verb} but named no operation to wait for`);
    console.log(`${verb} of ${name} accepted`);
    return;
  }
  const ended =
    options.wait === true
      ? await follow(client, operation, { timeout: options.timeout, quiet: options.quiet === true })
      : undefined;
  if (format === 'json' || format === 'yaml') {
    const shown = ended ?? (reply['operation'] as Json | undefined) ?? { uuid: operation };
    printRows([shown], [], format, true);
  } else console.log(ended === undefined || format === 'name' ? operation : `${verb} of ${name} done`);
}

const seRef = async (client: Client, name: string | undefined): Promise<string | undefined> =>
  name === undefined
    ? undefined
    : String((await resolve(client, 'serviceengine', name))['url']).replace(/#.*/, '');

const defined = (body: Json): Json =>
  Object.fromEntries(Object.entries(body).filter(([, v]) => v !== undefined));

export function scaleout(): Command {
  return action('scaleout', 'serve a virtual service on one more service engine')
    .option('--to-se <se>', 'this one')
    .option('--to-new-se', 'one that is created for it')
    .action((name: string, options: WaitOptions & { toSe?: string; toNewSe?: boolean }, command: Command) =>
      act(command, name, 'scaleout', options, async (client) =>
        defined({ to_se_ref: await seRef(client, options.toSe), to_new_se: options.toNewSe }),
      ),
    );
}

export function scalein(): Command {
  return action('scalein', 'serve a virtual service on one service engine less')
    .option('--from-se <se>', 'this one; otherwise the controller chooses')
    .option('--primary', 'the primary')
    .action((name: string, options: WaitOptions & { fromSe?: string; primary?: boolean }, command: Command) =>
      act(command, name, 'scalein', options, async (client) =>
        defined({ from_se_ref: await seRef(client, options.fromSe), scalein_primary: options.primary }),
      ),
    );
}

export function migrate(): Command {
  return action('migrate', 'move a virtual service from one service engine to another')
    .option('--from-se <se>', 'otherwise the primary')
    .option('--to-se <se>', 'otherwise the controller chooses')
    .action((name: string, options: WaitOptions & { fromSe?: string; toSe?: string }, command: Command) =>
      act(command, name, 'migrate', options, async (client) =>
        defined({
          from_se_ref: await seRef(client, options.fromSe),
          to_se_ref: await seRef(client, options.toSe),
        }),
      ),
    );
}

export function switchover(): Command {
  return action('switchover', 'make another of its service engines the primary')
    .requiredOption('--to-se <se>', 'this one')
    .action((name: string, options: WaitOptions & { toSe: string }, command: Command) =>
      act(command, name, 'switchover', options, async (client) => ({
        se_uuid: uuidOf(await resolve(client, 'serviceengine', options.toSe)),
      })),
    );
}
