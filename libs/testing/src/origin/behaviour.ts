/** How an origin server treats what comes in; every part can be changed while it runs. */
export interface OriginBehaviour {
  /** `/health`: 200, 503, or no answer at all. */
  health: 'ok' | 'fail' | 'hang';
  /** All other paths: answer, never answer, or reset the connection instead of answering. */
  respond: 'normal' | 'hang' | 'reset';
  /** Code of the answers to all other paths but `/status/<code>`. */
  status: number;
  /** Milliseconds before each answer. */
  delay: number;
  /** Requests (not health checks) that are served at a time, the others wait in line; 0 = all. */
  concurrency: number;
  /** Every n-th request (not health checks) is answered by a reset; 0 = none. */
  resetEvery: number;
  /** Every n-th request (not health checks) gets half of its body and then a FIN; 0 = none. */
  truncateEvery: number;
  /** Every n-th request (not health checks) gets a body with one wrong byte; 0 = none. */
  corruptEvery: number;
  /** Answers carry `Connection: close`. */
  closeAfterResponse: boolean;
  /** Milliseconds after which an idle connection is closed; 0 = never. */
  keepAliveTimeout: number;
}

export const normalBehaviour: OriginBehaviour = {
  health: 'ok',
  respond: 'normal',
  status: 200,
  delay: 0,
  concurrency: 0,
  resetEvery: 0,
  truncateEvery: 0,
  corruptEvery: 0,
  closeAfterResponse: false,
  keepAliveTimeout: 0,
};

/** What an origin has seen since its start. */
export interface OriginCounters {
  /** Requests, without health checks. */
  requests: number;
  healthChecks: number;
  connections: number;
  openConnections: number;
  /** Most connections that were open at the same time since the counters were asked for last. */
  peakConnections: number;
  upgrades: number;
  streams: number;
  /** Resets, truncations and corruptions made on purpose. */
  resets: number;
  truncations: number;
  corruptions: number;
  /** Heads that node:http refused. */
  refusedHeads: number;
  /** Bytes received (TCP echo). */
  bytes: number;
}

export function zeroCounters(): OriginCounters {
  return {
    requests: 0,
    healthChecks: 0,
    connections: 0,
    openConnections: 0,
    peakConnections: 0,
    upgrades: 0,
    streams: 0,
    resets: 0,
    truncations: 0,
    corruptions: 0,
    refusedHeads: 0,
    bytes: 0,
  };
}

/** What to start. */
export interface OriginSpec {
  name: string;
  /** `http` (default): HTTP/1.1; `tcp`: echoes bytes. */
  kind?: 'http' | 'tcp';
  /** Address to listen on. Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port; it is kept over `goAway` and `comeBack`. */
  port?: number;
  behaviour?: Partial<OriginBehaviour>;
  /** `tcp` only: send `<name>\n` to each new connection. */
  banner?: boolean;
}

/** An origin server, in this process or in one of its own. */
export interface Origin {
  readonly name: string;
  readonly kind: 'http' | 'tcp';
  readonly host: string;
  readonly port: number;
  /** Changes the parts given, from the next request on. */
  set(behaviour: Partial<OriginBehaviour>): Promise<void>;
  counters(): Promise<OriginCounters>;
  /** Stops listening (connections are refused); `connections` says what becomes of the open ones. */
  goAway(connections?: 'keep' | 'close' | 'reset'): Promise<void>;
  /** Listens again on the same address and port. */
  comeBack(): Promise<void>;
  /** Resets all open connections. */
  resetConnections(): Promise<void>;
}
