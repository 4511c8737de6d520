/*
 * What is measured, as data. A row of the table is a workload; a budget is a figure of ours over that of a peer, both
 * taken in the same round.
 */

export type PeerName = 'nginx' | 'haproxy' | 'relay';
export type ContestantName = 'spillway' | PeerName;

/** What is spoken with the proxy; to the servers behind it, always HTTP/1.1 in clear, or what the client says. */
export type Application = 'http' | 'tls' | 'h2' | 'tcp' | 'udp';

/** Buffers of the peers: as they ship, or 64 KiB each. */
export type Tuning = 'default' | '64k';

/** What clients send; see `requests.ts`. */
export type RequestName = 'small' | 'browser' | '10k' | '1m';

export interface Budget {
  against: PeerName;
  /** `rps`: requests a second; `cycles`: of the processor per request, in user space and kernel; `p99`: latency. */
  figure: 'rps' | 'cycles' | 'p99';
  /** The ratio, ours over theirs, must not be below; with `stretch` for where it ought to be one day. */
  atLeast?: number;
  /** … or not above. */
  atMost?: number;
  stretch?: number;
}

export interface Workload {
  name: string;
  about: string;
  application: Application;
  request: RequestName;
  connections: number;
  /** A new connection for each request. */
  closing: boolean;
  peers: readonly PeerName[];
  tuning: Tuning;
  budgets: readonly Budget[];
}

const atLeast = (against: PeerName, ratio: number, stretch?: number): Budget => ({
  against,
  figure: 'rps',
  atLeast: ratio,
  ...(stretch !== undefined && { stretch }),
});

const KEPT = {
  application: 'http',
  connections: 64,
  closing: false,
  peers: ['nginx', 'haproxy'],
  tuning: 'default',
  budgets: [atLeast('nginx', 1.3), atLeast('haproxy', 1.1)],
} as const;

const TLS = { ...KEPT, application: 'tls' } as const;

export const WORKLOADS: readonly Workload[] = [
  { ...KEPT, name: 'small', about: 'HTTP, kept connections, 100 B', request: 'small' },
  { ...KEPT, name: 'browser', about: 'HTTP, kept connections, 650 B browser head', request: 'browser' },
  { ...KEPT, name: '10k', about: 'HTTP, kept connections, 10 kB', request: '10k' },
  {
    ...KEPT,
    name: '1m',
    about: 'HTTP, kept connections, 1 MB',
    request: '1m',
    connections: 16,
    budgets: [atLeast('nginx', 2), atLeast('haproxy', 1.5)],
  },
  {
    ...KEPT,
    name: '1m-64k',
    about: 'HTTP, kept connections, 1 MB, peers with 64 KiB buffers',
    request: '1m',
    connections: 16,
    tuning: '64k',
    budgets: [atLeast('nginx', 0.8), atLeast('haproxy', 0.8)],
  },
  {
    ...KEPT,
    name: 'close',
    about: 'HTTP, new connection per request, 100 B',
    request: 'small',
    closing: true,
    budgets: [atLeast('nginx', 1.5), atLeast('haproxy', 1.25)],
  },
  {
    ...KEPT,
    name: 'relay',
    about: 'HTTP, kept connections, 100 B, beside a relay that parses nothing',
    request: 'small',
    peers: ['relay'],
    budgets: [{ against: 'relay', figure: 'cycles', atMost: 1.2 }],
  },
  {
    ...TLS,
    name: 'tls',
    about: 'TLS 1.3, kept connections, 100 B',
    request: 'small',
    budgets: [atLeast('nginx', 1, 1.1), atLeast('haproxy', 0.9, 1.1)],
  },
  {
    ...TLS,
    name: 'tls-1m',
    about: 'TLS 1.3, kept connections, 1 MB',
    request: '1m',
    connections: 16,
    budgets: [atLeast('nginx', 1.4, 2), atLeast('haproxy', 1.4, 2)],
  },
  {
    ...TLS,
    name: 'handshake',
    about: 'TLS 1.3, full handshake per request',
    request: 'small',
    closing: true,
    budgets: [
      atLeast('nginx', 1.1, 1.5),
      atLeast('haproxy', 1.1, 1.5),
      { against: 'nginx', figure: 'p99', atMost: 1 },
      { against: 'haproxy', figure: 'p99', atMost: 1 },
    ],
  },
  {
    ...KEPT,
    name: 'h2',
    about: 'HTTP/2 to HTTP/1.1, 16 connections with 16 streams each, 100 B',
    application: 'h2',
    request: 'small',
    connections: 16,
    budgets: [atLeast('nginx', 1.3), atLeast('haproxy', 0.8, 1)],
  },
  {
    ...KEPT,
    name: 'tcp',
    about: 'TCP, kept connections, 100 B',
    application: 'tcp',
    request: 'small',
    peers: ['haproxy'],
    budgets: [atLeast('haproxy', 0.8)],
  },
  {
    ...KEPT,
    name: 'tcp-close',
    about: 'TCP, new connections a second',
    application: 'tcp',
    request: 'small',
    closing: true,
    peers: ['haproxy'],
    budgets: [atLeast('haproxy', 0.85)],
  },
];

/** Streams that an HTTP/2 client has open at a time on each connection. */
export const H2_STREAMS = 16;

/**
 * The relay shows what the machine's TCP costs. It has to execute about this many thousand instructions in the kernel
 * per small request, else something else was measured and its row does not count.
 */
export const RELAY_KINSTR = { least: 20, most: 36 };
