import { Command } from 'commander';
import { CliError, EXIT } from '../errors.js';
import { kindOf, type Column } from '../kinds.js';
import { parseFormat, printRows } from '../output/print.js';
import { resolve, uuidOf } from '../resolve.js';
import { clientOf, type GlobalOptions } from './shared.js';

type Row = Record<string, unknown>;

const list = (value: unknown): Row[] => (Array.isArray(value) ? (value as Row[]) : []);
const record = (value: unknown): Row => (typeof value === 'object' && value !== null ? (value as Row) : {});

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `15m` in seconds. */
function seconds(text: string): number {
  const [, number, unit] = /^(\d+)([smhd]?)$/.exec(text) ?? [];
  if (number === undefined)
    throw new CliError(`--window ${text}: a number with s, m, h or d, such as 15m`, EXIT.usage);
  return Number(number) * (UNITS[unit ?? ''] ?? 1);
}

const percent = (value: unknown): string => (typeof value === 'number' ? `${value} %` : '');
const state = (value: unknown): string => (typeof value === 'string' ? value.replace('OPER_', '') : '');

const OF_SERVERS: Column[] = [
  { title: 'SERVER', value: (r) => r['server'] },
  { title: 'STATE', value: (r) => state(r['state']) },
  { title: 'MONITOR', value: (r) => r['monitor'] },
  { title: 'SUCCESS', value: (r) => percent(r['success_percent']) },
  { title: 'PASSED', value: (r) => r['checks_passed'] },
  { title: 'FAILED', value: (r) => r['checks_failed'] },
];

/** A row per server and monitor. */
const rowsOfServers = (servers: Row[]): Row[] =>
  servers.flatMap((server) =>
    list(server['health_monitor']).map((monitor) => ({
      ...monitor,
      server: server['uuid'],
      state: record(server['oper_status'])['state'],
      monitor: monitor['name'],
    })),
  );

const last = (row: Row): Row => record(row['last_check']);

const OF_ENGINES: Column[] = [
  { title: 'MONITOR', value: (r) => r['monitor'] },
  { title: 'SERVICE ENGINE', value: (r) => r['se_name'] },
  { title: 'STATE', value: (r) => state(r['state']) },
  { title: 'SUCCESS', value: (r) => percent(r['success_percent']) },
  {
    title: 'LAST CHECK',
    value: (r) => last(r)['at'] && (r['made_by'] ?? `${String(last(r)['duration_ms'])} ms`),
  },
  {
    title: 'REASON',
    value: (r) => [last(r)['failure_code'], last(r)['failure_text'], r['reason']].filter(Boolean).join(': '),
  },
];

/** The SE that this one believes; undefined when it has checked itself. */
function makerOf(engine: Row, engines: Row[]): string | undefined {
  const uuid = last(engine)['made_by_se_uuid'];
  if (typeof uuid !== 'string') return undefined;
  const name = engines.find((other) => other['se_uuid'] === uuid)?.['se_name'];
  return `by ${typeof name === 'string' ? name : uuid}`;
}

const rowsOfEngines = (server: Row): Row[] =>
  list(server['health_monitor']).flatMap((monitor) =>
    list(monitor['service_engine']).map((engine) => ({
      ...engine,
      monitor: monitor['name'],
      made_by: makerOf(engine, list(monitor['service_engine'])),
    })),
  );

/** What was said in the last check that tells most: of a failed one, else of any. */
function exchange(rows: Row[]): void {
  const row = rows.find((r) => last(r)['passed'] === false) ?? rows[0];
  const { sent, received } = last(row ?? {});
  if (row === undefined || typeof sent !== 'string' || typeof received !== 'string') return;
  console.log(`\nLast check of ${String(row['monitor'])} on ${String(row['se_name'])}`);
  console.log(`  sent      ${sent}`);
  console.log(`  received  ${received}`);
}

export function monitors(): Command {
  return new Command('monitors')
    .description('what health monitors say of the servers of a pool, or of one server in detail')
    .argument('<pool>')
    .argument('[server]', 'address:port')
    .option('--window <time>', 'count the checks of this time, 60s to 7d', '15m')
    .action(
      async (name: string, server: string | undefined, options: { window: string }, command: Command) => {
        const client = clientOf(command);
        const pool = uuidOf(await resolve(client, kindOf('pool'), name));
        const of = server === undefined ? '' : `&server=${encodeURIComponent(server)}`;
        const found = await client.get(
          `/api/pool/${pool}/runtime/server/hmonstat?window=${seconds(options.window)}${of}`,
        );
        const servers = list(found['results']);
        const format = parseFormat(command.optsWithGlobals<GlobalOptions>().output);
        if (format !== 'table') printRows(servers, OF_SERVERS, format);
        else if (server === undefined) printRows(rowsOfServers(servers), OF_SERVERS, format);
        else {
          const rows = rowsOfEngines(servers[0] ?? {});
          printRows(rows, OF_ENGINES, format);
          exchange(rows);
        }
      },
    );
}
