import { defaultDirectory, InstanceDirectory } from '../instance/directory.js';
import { parse } from '../instance/options.js';
import { instanceStatus, type Status } from '../instance/status.js';

const usage = './spillway status [--json] [--dir DIR]';

/** `./spillway status`: exit code 0 when the controller runs, 1 when it does not. */
export async function status(args: string[]): Promise<number> {
  const { values } = parse(
    {
      args,
      options: {
        dir: { type: 'string', default: defaultDirectory },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean' },
      },
    },
    usage,
  );
  if (values.help) {
    console.log(`Usage: ${usage}\nExit code 0 when the controller runs, 1 when it does not.`);
    return 0;
  }
  const found = await instanceStatus(new InstanceDirectory(values.dir));
  console.log(values.json ? JSON.stringify(found, null, 2) : describe(found));
  return found.pids.controller === undefined ? 1 : 0;
}

/** The state for people: without the password, which stands in a file of its own. */
export function describe({ api, health, dir, pids, service_engines }: Status): string {
  const width = Math.max(10, ...service_engines.map(({ name }) => name.length));
  const row = (name: string, ...rest: string[]): string =>
    `  ${name.padEnd(width)}  ${rest.join('  ')}`.trimEnd();
  return [
    dir,
    row(
      'controller',
      processText(pids.controller).padEnd(12),
      pids.controller ? `API ${api}, status ${health}` : '',
    ),
    row('postgres', processText(pids.postgres)),
    ...service_engines.map(({ name, pid, state }) => row(name, processText(pid).padEnd(12), state)),
    ...(pids.controller ? [] : ['', `Start it: ./spillway up --dir ${dir}`]),
  ].join('\n');
}

function processText(pid: number | undefined): string {
  return pid ? `pid ${pid}` : 'not running';
}
