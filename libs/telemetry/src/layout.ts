import { SERVER_COUNTERS, VS_COUNTERS, VS_HISTOGRAMS } from './counters.js';
import { CODE_CELLS } from './codes.js';
import { BUCKETS, COARSE_BUCKETS } from './histogram.js';
import { POOL_BYTES, POOL_CELLS, POOL_RECORD_BYTES } from './pool-slot.js';
import { RATE_SET_BYTES } from './limits/rate-table.js';
import { PERSISTENCE_SET_BYTES } from './persistence-table.js';
import { SERVER_STATE_BYTES } from './server-state.js';

/**
 * Where everything lies in the shared mapping: one file in /dev/shm per SE, written by its workers and its agent,
 * read by all of its processes. Every number is little endian and aligned to its own size, so that one store is
 * seen whole by the other processes.
 *
 * ```
 * header          what follows, and the beat of the agent
 * health          one byte per server slot, written by the agent alone
 * active          requests and L4 connections under way: a cell per (server slot, worker), written by that worker alone
 * work            predicted work under way (predictions of `libs/balancing`): a cell per (server slot, worker), written by that worker alone
 * clients         client connections: a cell per (VS slot, worker), written by that worker alone
 * places          connections to servers: a cell per (server slot, worker), written by that worker alone
 * pool cells      cells per (pool slot, kind, worker), written by that worker alone (pool-slot.ts)
 * pool records    one per pool slot, written by all (pool-slot.ts)
 * states          what all know of a server, one record per server slot (server-state.ts)
 * rates           the table of rate limits, written by all (limits/rate-table.ts)
 * persistence     the table of clients that belong to servers, written by all (persistence-table.ts), with two bits per set
 * worker blocks   one per worker, then one for what dead workers had counted
 *   head          pid, beat, state, generation and epoch that are live
 *   marks         per VS slot, then per server slot: raised whenever something was counted there
 *   services      per VS slot: counters, codes, histograms
 *   servers       per server slot: counters, histogram
 *   pools         per pool slot: counters, histogram
 * ```
 * No cell but the health epoch, the states, the pool records, the rates and persistence has two writers, so counting needs no lock and a worker that dies
 * between two stores harms nobody: its cells are folded and zeroed as a whole. Slots are looked at only where a mark
 * has moved: what was never used costs no page of memory and no time.
 */
export const MAGIC = 0x59575053; // "SPWY"
export const VERSION = 6;

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
  /** Sets of the table of rate limits; a power of two. */
  RATE_SETS: 10,
  /** Keys that had to give way in the table of rate limits because their set was full (Uint32). */
  RATE_EVICTIONS: 11,
  /** Sets of the persistence table; a power of two. */
  PERSISTENCE_SETS: 12,
  /** Live clients that had to give way in the persistence table because their set was full (Uint32). */
  PERSISTENCE_EVICTIONS: 13,
  /** The set of the persistence table (plus one) that the agent may hold locked. */
  PERSISTENCE_AGENT_INTENT: 14,
  POOLS: 15,
  /** Pool slots in use are below this. */
  POOLS_USED: 16,
} as const;
export const HEADER_WORDS = 17;

/** Words of a worker's head (Int32). */
export const WORKER = {
  PID: 0,
  BEAT: 1,
  STATE: 2,
  /** 1 while a configuration is taken in: the worker computes and beats late on purpose. */
  LOADING: 3,
  /** The set of the table of rate limits (plus one) that it may hold locked. */
  RATE_INTENT: 24,
  /** The set of the persistence table (plus one) that it may hold locked. */
  PERSISTENCE_INTENT: 25,
} as const;
/** Doubles of a worker's head (Float64), after its words. */
export const WORKER_F64 = {
  GENERATION: 2,
  EPOCH: 3,
  /** How late the last beat came. */
  LOOP_DELAY_MS: 4,
  RSS_BYTES: 5,
  /** Bytes that wait for a slow peer, in sockets and in the engine. */
  QUEUED_BYTES: 6,
  /** What of QUEUED_BYTES the worker allows. */
  QUEUED_MOST: 7,
  /** Connections that were ended because the budget was exceeded. */
  SHED: 8,
  /** Sockets that are open. */
  SOCKETS: 9,
  /** Most sockets, by the limit of file descriptors. */
  SOCKETS_MOST: 10,
  /** Longest delay of a beat since the worker began. */
  LOOP_DELAY_MOST_MS: 11,
} as const;
export const WORKER_HEAD_BYTES = 128;

/** Life of a worker as the others see it. */
export const WORKER_STATE = { FREE: 0, STARTING: 1, READY: 2, STOPPING: 3 } as const;

/** Verdict on a server, written by the agent. A server that nobody has judged gets no traffic. */
export const HEALTH = { UNKNOWN: 0, UP: 1, DOWN: 2 } as const;

/** In the slot of a virtual service, from its start. */
export const VS_CODES_AT = VS_COUNTERS * 8;
export const VS_HISTOGRAMS_AT = VS_CODES_AT + CODE_CELLS * 8;
/** Counts of all histograms (Uint32): the first is fine, the others are coarse. They wrap: read them by difference. */
export const VS_BUCKETS = BUCKETS + (VS_HISTOGRAMS - 1) * COARSE_BUCKETS;
export const VS_BYTES = VS_HISTOGRAMS_AT + VS_BUCKETS * 4;

/** In the slot of a server, from its start. */
export const SERVER_HISTOGRAM_AT = SERVER_COUNTERS * 8;
export const SERVER_BUCKETS = COARSE_BUCKETS;
export const SERVER_BYTES = SERVER_HISTOGRAM_AT + SERVER_BUCKETS * 4;

/** How much a mapping has room for. */
export interface MappingSize {
  /** 1 to 128. */
  workers: number;
  /** VS slots, 1 to 65536. */
  virtualServices: number;
  /** Server slots, 1 to 262144. */
  servers: number;
  /** Sets of 16 keys in the table of rate limits: a power of two. 64 unless told. */
  rateSets?: number;
  /** Sets of 7 clients in the persistence table: a power of two. 64 unless told. */
  persistenceSets?: number;
  /** Slots for pools that limit the connections to their servers, 1 to 65536. 16 unless told. */
  pools?: number;
}

/** A file of 2 GiB or more would make every index a slow one. */
const MOST_BYTES = 2 ** 31 - 1;
/** Room for the largest SE that the promises name. */
const MOST_SERVICES = 10_240;
const MOST_SERVERS = 16_384;
/** 131,072 clients at a time. */
const RATE_SETS = 8192;
/** 458,752 clients at a time. */
const PERSISTENCE_SETS = 65_536;
/** Pools that limit the connections to their servers. */
const MOST_POOLS = 1024;

/**
 * Room for the largest SE that the promises name, with that many workers: 10,240 virtual services and 16,384 servers
 * up to 30 workers, fewer virtual services above. Untouched pages of the file cost nothing.
 */
export function sizeFor(workers: number): Required<MappingSize> {
  const size = {
    workers,
    virtualServices: MOST_SERVICES,
    servers: MOST_SERVERS,
    rateSets: RATE_SETS,
    persistenceSets: PERSISTENCE_SETS,
    pools: MOST_POOLS,
  };
  while (layoutOf(size).totalBytes > MOST_BYTES) size.virtualServices -= 256;
  return size;
}

/** Byte offsets of the parts for one size. */
export interface Layout extends Required<MappingSize> {
  readonly health: number;
  readonly active: number;
  readonly work: number;
  readonly clients: number;
  /** Cells from one slot to the next; a power of two, so that a slot with up to 16 workers is one cache line. */
  readonly activeStride: number;
  readonly states: number;
  readonly places: number;
  readonly poolCells: number;
  readonly poolRecords: number;
  readonly rates: number;
  readonly persistence: number;
  readonly persistenceMarks: number;
  readonly persistenceUsed: number;
  readonly blocks: number;
  readonly blockBytes: number;
  /** From the start of a block. */
  readonly marksInBlock: number;
  /** From the start of a block. */
  readonly servicesInBlock: number;
  /** From the start of a block. */
  readonly serversInBlock: number;
  /** From the start of a block. */
  readonly poolsInBlock: number;
  readonly totalBytes: number;
}

const PAGE = 4096;
const LEAST_RATE_SETS = 64;
const LEAST_PERSISTENCE_SETS = 64;
const LEAST_POOLS = 16;
const align = (n: number, to: number): number => Math.ceil(n / to) * to;

export function layoutOf(size: MappingSize): Layout {
  const rateSets = size.rateSets ?? LEAST_RATE_SETS;
  const persistenceSets = size.persistenceSets ?? LEAST_PERSISTENCE_SETS;
  const bits = Math.ceil(persistenceSets / 32) * 4;
  const pools = size.pools ?? LEAST_POOLS;
  const activeStride = Math.max(16, 2 ** Math.ceil(Math.log2(size.workers)));
  const health = HEADER_BYTES;
  const active = align(health + size.servers, 64);
  const work = active + size.servers * activeStride * 4;
  const clients = work + size.servers * activeStride * 8;
  const states = align(clients + size.virtualServices * activeStride * 4, 64);
  const places = align(states + size.servers * SERVER_STATE_BYTES, 64);
  const poolCells = places + size.servers * activeStride * 4;
  const poolRecords = align(poolCells + pools * POOL_CELLS * activeStride * 4, 64);
  const rates = align(poolRecords + pools * POOL_RECORD_BYTES, PAGE);
  const persistence = align(rates + rateSets * RATE_SET_BYTES, PAGE);
  const persistenceMarks = persistence + persistenceSets * PERSISTENCE_SET_BYTES;
  const persistenceUsed = persistenceMarks + bits;
  const blocks = align(persistenceUsed + bits, PAGE);
  const marksInBlock = WORKER_HEAD_BYTES;
  const servicesInBlock = align(marksInBlock + (size.virtualServices + size.servers) * 4, 64);
  const serversInBlock = servicesInBlock + size.virtualServices * VS_BYTES;
  const poolsInBlock = align(serversInBlock + size.servers * SERVER_BYTES, 64);
  const blockBytes = align(poolsInBlock + pools * POOL_BYTES, PAGE);
  const totalBytes = blocks + (size.workers + 1) * blockBytes;
  return {
    ...size,
    rateSets,
    persistenceSets,
    pools,
    health,
    active,
    work,
    clients,
    activeStride,
    states,
    places,
    poolCells,
    poolRecords,
    rates,
    persistence,
    persistenceMarks,
    persistenceUsed,
    blocks,
    blockBytes,
    marksInBlock,
    servicesInBlock,
    serversInBlock,
    poolsInBlock,
    totalBytes,
  };
}
