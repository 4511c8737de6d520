import { parseArgs, type ParseArgsConfig } from 'node:util';
import { UsageError } from '../errors.js';
import { hasCode } from '../process/errno.js';
import { defaultDirectory } from './directory.js';

/** What `up` was asked for. Numbers that were not given stay what the instance had, or the default. */
export interface UpOptions {
  dir: string;
  detach: boolean;
  empty: boolean;
  restart: boolean;
  tune: boolean;
  serviceEngines?: number;
  workers?: number;
  /** 0: any port that is free. */
  apiPort?: number;
}

/** The whole line of a number option: its range is part of the error. */
function integer(
  name: string,
  value: string | undefined,
  [least, most]: [number, number],
): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < least || number > most)
    throw new UsageError(
      `--${name} ${value} is not a number from ${least} to ${most}`,
      'give one in that range',
    );
  return number;
}

/** `parseArgs` whose errors are ours, with the usage as their remedy. */
export function parse<T extends ParseArgsConfig>(config: T, usage: string): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    if (
      hasCode(
        error,
        'ERR_PARSE_ARGS_UNKNOWN_OPTION',
        'ERR_PARSE_ARGS_INVALID_OPTION_VALUE',
        'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL',
      )
    )
      throw new UsageError(String(error instanceof Error ? error.message : error), `usage: ${usage}`);
    throw error;
  }
}

export const upUsage = `./spillway up [options]
  --detach              return when everything runs; nothing is restarted then
  --dir DIR             all state of the instance (default .spillway in the checkout)
  --empty               no sample application
  --service-engines N   SEs to start (default 3)
  --workers N           worker processes per SE (default: the cores, shared among the SEs)
  --api-port N          port of the REST API, 0 for any (default 9443, or a free one where that is taken)
  --no-restart          do not restart a controller or SE that dies
  --tune                may set the sysctl that loss-free hand-over between SEs needs
  DATABASE_URL, REDIS_URL in the environment: use these services instead of the embedded database`;

/** Reads the arguments of `up`. @throws UsageError */
export function parseUp(args: string[]): UpOptions {
  const { values } = parse(
    {
      args,
      options: {
        detach: { type: 'boolean', default: false },
        dir: { type: 'string', default: defaultDirectory },
        empty: { type: 'boolean', default: false },
        'service-engines': { type: 'string' },
        workers: { type: 'string' },
        'api-port': { type: 'string' },
        'no-restart': { type: 'boolean', default: false },
        tune: { type: 'boolean', default: false },
      },
    },
    upUsage,
  );
  return {
    dir: values.dir,
    detach: values.detach,
    empty: values.empty,
    restart: !values['no-restart'],
    tune: values.tune,
    serviceEngines: integer('service-engines', values['service-engines'], [0, 64]),
    workers: integer('workers', values.workers, [1, 64]),
    apiPort: integer('api-port', values['api-port'], [0, 65_535]),
  };
}
