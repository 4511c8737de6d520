import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { UsageError } from '../errors.js';
import { defaultDirectory, InstanceDirectory } from '../instance/directory.js';
import { tail } from '../instance/failure.js';
import { parse } from '../instance/options.js';

const usage = './spillway logs [-f] [-n LINES] [--dir DIR] [NAME...]';

/** `./spillway logs`: the last lines of each log, or of those named; with `-f` what comes, too. */
export async function logs(args: string[]): Promise<number> {
  const { values, positionals } = parse(
    {
      args,
      allowPositionals: true,
      options: {
        dir: { type: 'string', default: defaultDirectory },
        follow: { type: 'boolean', short: 'f', default: false },
        lines: { type: 'string', short: 'n', default: '50' },
        help: { type: 'boolean' },
      },
    },
    usage,
  );
  const directory = new InstanceDirectory(values.dir);
  const all = directory.logs();
  if (values.help) {
    console.log(`Usage: ${usage}\nNames here: ${[...all.keys()].join(', ') || 'none yet'}`);
    return 0;
  }
  const lines = Number(values.lines);
  if (!Number.isInteger(lines) || lines < 0)
    throw new UsageError(`-n ${values.lines} is not a count`, `usage: ${usage}`);
  const unknown = positionals.find((name) => !all.has(name));
  if (unknown !== undefined)
    throw new UsageError(
      `no log is called "${unknown}"`,
      `here are: ${[...all.keys()].join(', ') || 'none'}`,
    );
  const chosen = [...all].filter(([name]) => positionals.length === 0 || positionals.includes(name));
  const prefix = chosen.length > 1 ? Math.max(...chosen.map(([name]) => name.length)) : 0;
  const print = (name: string, line: string): void =>
    console.log(prefix > 0 ? `${name.padEnd(prefix)} | ${line}` : line);
  const sizes = chosen.map(([, file]) => statSync(file).size);
  for (const [name, file] of chosen) for (const line of tail(file, lines)) print(name, line);
  if (values.follow)
    await Promise.all(
      chosen.map(
        async ([name, file], index) => await follow(file, sizes[index] ?? 0, (line) => print(name, line)),
      ),
    );
  return 0;
}

/** Prints what is added to a file, for ever; a file that was made anew is read from its start. */
async function follow(file: string, from: number, print: (line: string) => void): Promise<never> {
  let position = from;
  for (;;) {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size < position) position = 0;
    if (size > position) {
      const input = createReadStream(file, { start: position, end: size - 1 });
      for await (const line of createInterface({ input })) print(line);
      position = size;
    }
    await delay(100);
  }
}
