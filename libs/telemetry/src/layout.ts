/**
 * Where everything lies in the shared mapping: one file in /dev/shm per SE, written by its workers and its agent,
 * read by all of its processes. Every number is little endian and aligned to its own size, so that one store is
 * seen whole by the other processes.
 *
 * ```
 * header          what follows, and the beat of the agent
 * health          one byte per server slot, written by the agent alone
 * active          open connections: a cell per (server slot, worker), written by that worker alone
 * worker blocks   one per worker, then one for what dead workers had counted
 *   head          pid, beat, state, generation and epoch that are live
 *   services      per VS slot: counters, then the latency histogram
 *   servers       per server slot: counters
 * ```
 * No cell but the health epoch has two writers, so counting needs no lock and a worker that dies between two
 * stores harms nobody: its cells are folded and zeroed as a whole.
 */
export const MAGIC = 0x59575053; // "SPWY"
export const VERSION = 1;

export const HEADER_BYTES = 256;

/** Words of the header (Int32). */
export const HEADER = {
  MAGIC: 0,
  VERSION: 1,
  WORKERS: 2,
  VIRTUAL_SERVICES: 3,
  SERVERS: 4,
  /** Raised by the agent after it has changed a health byte; workers look at the bytes again when it differs. */
  HEALTH_EPOCH: 5,
  AGENT_PID: 6,
  AGENT_BEAT: 7,
  /** Slots in use are below these; what lies above has never been touched. */
  VIRTUAL_SERVICES_USED: 8,
  SERVERS_USED: 9,
} as const;

/** Words of a worker's head (Int32). */
export const WORKER = { PID: 0, BEAT: 1, STATE: 2 } as const;
/** Doubles of a worker's head (Float64), after its words. */
export const WORKER_F64 = {
  GENERATION: 2,
  EPOCH: 3,
  LOOP_DELAY_MS: 4,
  RSS_BYTES: 5,
  QUEUED_BYTES: 6,
} as const;
export const WORKER_HEAD_BYTES = 128;

/** Life of a worker as the others see it. */
export const WORKER_STATE = { FREE: 0, STARTING: 1, READY: 2, STOPPING: 3 } as const;

/** Verdict on a server, written by the agent. A server that nobody has judged gets no traffic. */
export const HEALTH = { UNKNOWN: 0, UP: 1, DOWN: 2 } as const;

/** Counters of a virtual service (Float64 each). Those marked as gauge go down too and die with their worker. */
export const VS = {
  REQUESTS: 0,
  RESPONSES_1XX: 1,
  RESPONSES_2XX: 2,
  RESPONSES_3XX: 3,
  RESPONSES_4XX: 4,
  RESPONSES_5XX: 5,
  /** Responses that the engine made itself; they are in the classes too. */
  RESPONSES_OWN: 6,
  BYTES_IN: 7,
  BYTES_OUT: 8,
  CONNECTIONS: 9,
  /** Gauge. */
  CONNECTIONS_ACTIVE: 10,
  /** Gauge. */
  REQUESTS_ACTIVE: 11,
  /** Requests that ended without a complete response because the client went away. */
  CLIENT_ABORTS: 12,
  /** Responses cut short because the server went away. */
  TRUNCATED: 13,
} as const;
export const VS_COUNTERS = 16;
export const VS_GAUGES: readonly number[] = [VS.CONNECTIONS_ACTIVE, VS.REQUESTS_ACTIVE];

/** Counters of a server of a pool (Float64 each). */
export const SERVER = {
  REQUESTS: 0,
  FAILURES: 1,
  CONNECTIONS: 2,
  RETRIES: 3,
  RESPONSES_4XX: 4,
  RESPONSES_5XX: 5,
  BYTES_IN: 6,
  BYTES_OUT: 7,
} as const;
export const SERVER_COUNTERS = 8;

/** Buckets of a latency histogram (Uint32 each), see histogram.ts. */
export const BUCKETS = 256;

export const VS_BYTES = VS_COUNTERS * 8 + BUCKETS * 4;
export const SERVER_BYTES = SERVER_COUNTERS * 8;

/** How much a mapping has room for. */
export interface MappingSize {
  /** 1 to 128. */
  workers: number;
  /** VS slots, 1 to 65536. */
  virtualServices: number;
  /** Server slots, 1 to 262144. */
  servers: number;
}

/** Room for the largest SE that the promises name; untouched pages of the file cost nothing. */
export const DEFAULT_SIZE: MappingSize = { workers: 64, virtualServices: 2048, servers: 16_384 };

/** Byte offsets of the parts for one size. */
export interface Layout extends MappingSize {
  readonly health: number;
  readonly active: number;
  /** Cells from one server to the next; a power of two, so that a server with up to 16 workers is one cache line. */
  readonly activeStride: number;
  readonly blocks: number;
  readonly blockBytes: number;
  /** From the start of a block. */
  readonly servicesInBlock: number;
  /** From the start of a block. */
  readonly serversInBlock: number;
  readonly totalBytes: number;
}

const PAGE = 4096;
const align = (n: number, to: number): number => Math.ceil(n / to) * to;

export function layoutOf(size: MappingSize): Layout {
  const activeStride = Math.max(16, 2 ** Math.ceil(Math.log2(size.workers)));
  const health = HEADER_BYTES;
  const active = align(health + size.servers, 64);
  const blocks = align(active + size.servers * activeStride * 4, PAGE);
  const servicesInBlock = WORKER_HEAD_BYTES;
  const serversInBlock = servicesInBlock + size.virtualServices * VS_BYTES;
  const blockBytes = align(serversInBlock + size.servers * SERVER_BYTES, PAGE);
  const totalBytes = blocks + (size.workers + 1) * blockBytes;
  return {
    ...size,
    health,
    active,
    activeStride,
    blocks,
    blockBytes,
    servicesInBlock,
    serversInBlock,
    totalBytes,
  };
}
