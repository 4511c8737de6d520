/** What a response must be, apart from complete. */
export interface Expectation {
  /** Default 200. */
  status?: number;
  /** Exactly this many bytes of the pattern (`/bytes/<n>`, `/chunked/<n>`), or exactly this text. */
  body?: { pattern: number } | { text: string };
}

/** The request that a client sends again and again. */
export interface RequestTemplate {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  /** Bytes of the pattern sent as body; with path `/body` the origin sends them back. */
  bodyBytes?: number;
}

/**
 * A group of clients of one sort.
 *
 * - `keep-alive`: each connection sends one request after the other; after `Connection: close` it reconnects
 * - `new-connection`: a connection for each request
 * - `stream`: `GET /stream`, held open; every line is checked
 * - `tunnel`: `Upgrade: echo`, held open; pings that must come back
 * - `tcp`: as `tunnel`, on a bare TCP connection to an echo origin
 */
export interface ClientsConfig {
  name: string;
  sort: 'keep-alive' | 'new-connection' | 'stream' | 'tunnel' | 'tcp';
  host: string;
  port: number;
  /** Connections at a time; for `new-connection` the most at a time. */
  connections: number;
  /**
   * `keep-alive` and `new-connection`: requests per second of the group (default 200; 0: as fast as answers
   * come). Long-lived sorts: connections opened per second (default 200).
   */
  rate?: number;
  /**
   * `new-connection` only: requests start on schedule whether or not earlier ones are answered. What the
   * bound on connections forbids is counted as `notSent`, and delays of the server are not hidden.
   */
  openLoop?: boolean;
  request?: RequestTemplate;
  expect?: Expectation;
  /** Milliseconds. Default 5,000. */
  connectTimeout?: number;
  /** Milliseconds from sending a request to the end of its response. Default 10,000. */
  requestTimeout?: number;
  /** `tunnel` and `tcp`: milliseconds between pings (default 500; 0: one at the start and then idle). */
  pingInterval?: number;
  /** Long-lived sorts: milliseconds of silence that count as `stalled`. Default 5,000. */
  stallTimeout?: number;
  /** Long-lived sorts: open a new one for each that ended. Default true. */
  reopen?: boolean;
  /** Response header that names the SE. Without it SEs are known through `setServiceEngines`. */
  seHeader?: string;
  /** Put every single request into the report. */
  keepRequests?: boolean;
}

/** A drain that the test started: what is cut on this SE at or after the deadline is no failure. */
export interface DrainNotice {
  /** Name of the SE, as known to the clients; absent: any. */
  se?: string;
  /** Milliseconds since the epoch from which on the rest may be reset. */
  deadline: number;
}

/** A configuration that cannot be run names the field and the remedy. */
export function checkConfig(config: ClientsConfig): void {
  const wrong = (message: string) => {
    throw new Error(`clients ${JSON.stringify(config.name)}: ${message}`);
  };
  if (!(config.connections >= 1)) {
    wrong(`connections is ${config.connections}, must be at least 1`);
  }
  if ((config.rate ?? 0) < 0) wrong(`rate is ${config.rate}, must be 0 (unbounded) or more`);
  if (config.openLoop && config.sort !== 'new-connection') {
    wrong(`openLoop is for the sort new-connection, not ${config.sort}`);
  }
  if (config.openLoop && !config.rate) wrong('openLoop needs a rate in requests per second');
}
