import { Command } from 'commander';
import { kindOf, type Column } from '../kinds.js';
import { parseFormat, printRows } from '../output/print.js';
import { resolve, uuidOf } from '../resolve.js';
import { clientOf, type GlobalOptions } from './shared.js';

type Row = Record<string, unknown>;

const seconds = (value: unknown): unknown =>
  typeof value === 'number' && value >= 0 ? `${value / 1000} s` : '';

const under = (row: Row): unknown => {
  const request = row['request'] as { method?: unknown; age?: unknown; phase?: unknown } | null;
  return request === null
    ? ''
    : `${String(request.method)} ${String(request.phase)} ${String(seconds(request.age))}`;
};

const COLUMNS: Column[] = [
  { title: 'WORKER', value: (r) => r['worker'] },
  { title: 'SIDE', value: (r) => r['side'] },
  { title: 'PEER', value: (r) => r['peer'] },
  { title: 'PROTOCOL', value: (r) => r['protocol'] },
  { title: 'STATE', value: (r) => r['state'] },
  { title: 'AGE', value: (r) => seconds(r['age']) },
  { title: 'IN', value: (r) => (r['bytes_in'] === -1 ? '' : r['bytes_in']) },
  { title: 'OUT', value: (r) => (r['bytes_out'] === -1 ? '' : r['bytes_out']) },
  { title: 'HELD', value: (r) => r['held'] },
  { title: 'REQUEST', value: under },
  { title: 'SERVER', value: (r) => r['server'] },
];

export function connections(): Command {
  return new Command('connections')
    .description('what the connections of a service engine are doing')
    .argument('<service-engine>')
    .option('--vs <name>', 'only those of this virtual service')
    .option('--limit <n>', 'how many', '100')
    .action(async (name: string, options: { vs?: string; limit: string }, command: Command) => {
      const client = clientOf(command);
      const se = uuidOf(await resolve(client, kindOf('serviceengine'), name));
      const of =
        options.vs === undefined
          ? ''
          : `&vs_uuid=${uuidOf(await resolve(client, kindOf('virtualservice'), options.vs))}`;
      const limit = encodeURIComponent(options.limit);
      const found = await client.get(`/api/serviceengine/${se}/flowtable?limit=${limit}${of}`);
      const format = parseFormat(command.optsWithGlobals<GlobalOptions>().output);
      printRows((found['results'] ?? []) as Row[], COLUMNS, format);
      for (const worker of (found['silent_workers'] ?? []) as unknown[])
        console.error(`worker ${String(worker)} did not answer`);
      if (found['truncated'] === true) console.error(`there may be more: raise --limit ${options.limit}`);
    });
}
