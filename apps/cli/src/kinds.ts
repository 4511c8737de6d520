import type { Json } from './client.js';
import { text } from './text.js';

/** Short names people type, and the kinds they stand for. */
const ALIASES: Record<string, string> = {
  vs: 'virtualservice',
  virtualservices: 'virtualservice',
  pools: 'pool',
  servers: 'server',
  pg: 'poolgroup',
  se: 'serviceengine',
  ses: 'serviceengine',
  seg: 'serviceenginegroup',
  segroup: 'serviceenginegroup',
  hm: 'healthmonitor',
  vip: 'vsvip',
  vsvips: 'vsvip',
  cert: 'sslkeyandcertificate',
  op: 'operation',
  ops: 'operation',
  operations: 'operation',
};

export const kindOf = (typed: string): string => {
  const lower = typed.toLowerCase();
  return ALIASES[lower] ?? lower;
};

export interface Column {
  title: string;
  value: (row: Json) => unknown;
}

/** A dotted path into a reply; numbers index lists. */
export function at(value: unknown, path: string): unknown {
  let v: unknown = value;
  for (const part of path.split('.')) {
    if (v === null || typeof v !== 'object') return undefined;
    v = (v as Json)[part];
  }
  return v;
}

const field =
  (path: string) =>
  (row: Json): unknown =>
    at(row, path);

/** The name behind a reference: `url#name`, or the last part of the path. */
export function refName(ref: unknown): string {
  if (typeof ref !== 'string') return '';
  const hash = ref.indexOf('#');
  return hash >= 0 ? ref.slice(hash + 1) : ref.slice(ref.lastIndexOf('/') + 1);
}

const list = (v: unknown): Json[] => (Array.isArray(v) ? (v as Json[]) : []);

/** Servers that are up, of all; with fewest servers, how many of them the load does not need. */
const servers = (row: Json): string => {
  const [up, all, excess] = ['num_servers_up', 'num_servers', 'num_servers_excess'].map((name) =>
    at(row, `runtime.${name}`),
  );
  const counts = `${text(up ?? '?')}/${text(all ?? '?')}`;
  return typeof excess === 'number' && excess > 0 ? `${counts} (${excess} in excess)` : counts;
};

const state = (row: Json): string => {
  const oper = at(row, 'runtime.oper_status.state');
  return typeof oper === 'string' ? oper.replace(/^OPER_/, '') : '';
};

/** `UP`, `UP,DISABLED`: what it is, and what somebody wants it to be. */
const seState = (row: Json): string => {
  const wanted = text(at(row, 'config.enable_state')).replace(/^SE_STATE_/, '');
  const is = state(row);
  return wanted === 'ENABLED' || wanted === is ? is : `${is},${wanted}`;
};

const ports = (row: Json): string =>
  list(at(row, 'config.services'))
    .map(({ port, port_range_end: end }) =>
      end === undefined || end === port ? text(port) : `${text(port)}-${text(end)}`,
    )
    .join(',');

const vips = (row: Json): string =>
  list(at(row, 'config.vip'))
    .flatMap((v) => [at(v, 'ip_address.addr'), at(v, 'ip6_address.addr')])
    .filter(Boolean)
    .join(',');

const assigned = (row: Json): string => {
  const summary = list(at(row, 'runtime.vip_summary'))[0];
  return summary === undefined
    ? ''
    : `${text(summary['num_se_assigned'] ?? 0)}/${text(summary['num_se_requested'] ?? 0)}`;
};

const placedOn = (row: Json): string =>
  list(at(row, 'runtime.vip_summary.0.service_engine'))
    .map((se) => {
      const draining = se['scalein_in_progress'] === true ? '(draining)' : '';
      return `${refName(se['url'])}${se['primary'] === true ? '*' : ''}${draining}`;
    })
    .join(',');

const percent = (v: unknown): string => (typeof v === 'number' ? `${v.toFixed(1)}%` : '');

const DEFAULT: Column[] = [
  { title: 'NAME', value: field('name') },
  { title: 'UUID', value: field('uuid') },
];

/** How `spillway get KIND` is asked for and shown. Kinds without an entry show name and uuid. */
export const VIEWS: Record<string, { path: string; columns: Column[] }> = {
  virtualservice: {
    path: '/api/virtualservice-inventory?include_name=true&page_size=200&include=config,runtime,health_score',
    columns: [
      { title: 'NAME', value: field('config.name') },
      { title: 'VIP', value: vips },
      { title: 'PORTS', value: ports },
      { title: 'STATE', value: state },
      { title: 'SES', value: assigned },
      { title: 'PLACED ON', value: placedOn },
      { title: 'POOL', value: (r) => list(r['pools']).map(refName).join(',') },
    ],
  },
  pool: {
    path: '/api/pool-inventory?include_name=true&page_size=200&include=config,runtime',
    columns: [
      { title: 'NAME', value: field('config.name') },
      { title: 'STATE', value: state },
      { title: 'SERVERS', value: servers },
      { title: 'VIRTUAL SERVICE', value: (r) => list(r['virtualservices']).map(refName).join(',') },
    ],
  },
  serviceengine: {
    path: '/api/serviceengine-inventory?include_name=true&page_size=200&include=config,runtime',
    columns: [
      { title: 'NAME', value: field('config.name') },
      { title: 'STATE', value: seState },
      { title: 'GROUP', value: (r) => refName(at(r, 'config.se_group_ref')) },
      { title: 'CPU', value: (r) => percent(at(r, 'runtime.cpu_percent')) },
      { title: 'CONNECTIONS', value: field('runtime.open_connections') },
      { title: 'VIRTUAL SERVICES', value: (r) => list(r['virtualservices']).map(refName).join(',') },
    ],
  },
  operation: {
    path: '/api/operation?page_size=200',
    columns: [
      { title: 'UUID', value: field('uuid') },
      { title: 'TYPE', value: field('type') },
      { title: 'SUBJECT', value: field('subject_name') },
      { title: 'STATE', value: field('state') },
      { title: 'PROGRESS', value: (r) => `${text(r['progress'] ?? 0)}%` },
      { title: 'TEXT', value: (r) => r['error'] || r['text'] },
      { title: 'CREATED', value: field('created_at') },
    ],
  },
};

export const viewOf = (kind: string): { path: string; columns: Column[] } =>
  VIEWS[kind] ?? { path: `/api/${kind}?include_name=true&page_size=200`, columns: DEFAULT };
