import { CODE_CELLS } from './codes.js';
import { SERVER, SERVER_COUNTERS, SERVER_GAUGES, VS_COUNTERS, VS_GAUGES } from './counters.js';
import {
  HEADER,
  HEADER_BYTES,
  HEALTH,
  MAGIC,
  SERVER_BUCKETS,
  SERVER_BYTES,
  SERVER_HISTOGRAM_AT,
  VERSION,
  VS_BUCKETS,
  VS_BYTES,
  VS_CODES_AT,
  VS_HISTOGRAMS_AT,
  WORKER,
  WORKER_HEAD_BYTES,
  WORKER_STATE,
  layoutOf,
  type Layout,
  type MappingSize,
} from './layout.js';
import {
  emptyPoolTotals,
  POOL_BUCKETS,
  POOL_BYTES,
  POOL_CELLS,
  POOL_COUNTERS,
  POOL_HISTOGRAM_AT,
  POOL_RECORD_BYTES,
  Releases,
  type PoolTotals,
} from './pool-slot.js';
import { RATE_SET_BYTES, RateTable, releaseRateLock } from './limits/rate-table.js';
import { PERSISTENCE_SET_BYTES, PersistenceTable, releasePersistenceLock } from './persistence-table.js';
import { SERVER_STATE_BYTES } from './server-state.js';
import { emptyServerTotals, emptyServiceTotals, type ServerTotals, type ServiceTotals } from './totals.js';
import { WorkerBlock } from './worker-block.js';

/** The bytes are not a mapping that this version can use. */
export class MappingError extends Error {
  readonly code = 'MAPPING_INVALID';
  constructor(detail: string) {
    super(`shared mapping: ${detail}`);
    this.name = 'MappingError';
  }
}

/** The owner of locks that the agent holds; workers are 0 to 127. */
const AGENT = 254;

/**
 * Typed access to the shared mapping of one SE (layout.ts says what lies where). All processes of an SE hold one;
 * who may write what is said per method.
 */
export class Mapping {
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  /** Verdict per server slot, see HEALTH. */
  readonly health: Uint8Array;
  /** Cell of (server slot, worker) at `slot * activeStride + worker`. */
  readonly active: Int32Array;
  /** Cell of (server slot, worker) at `slot * activeStride + worker`, in microseconds. */
  readonly work: Float64Array;
  /** Cell of (VS slot, worker) at `slot * activeStride + worker`. */
  readonly clients: Int32Array;
  /** Cell of (server slot, worker) at `slot * activeStride + worker`. */
  readonly places: Int32Array;
  /** Cell of (pool slot, kind, worker) at `poolCell(slot, kind) + worker`. */
  readonly poolCells: Int32Array;

  private constructor(
    readonly bytes: Uint8Array,
    readonly layout: Layout,
  ) {
    const { buffer, byteOffset } = bytes;
    this.i32 = new Int32Array(buffer, byteOffset, Math.floor(layout.totalBytes / 4));
    this.u32 = new Uint32Array(buffer, byteOffset, Math.floor(layout.totalBytes / 4));
    this.f64 = new Float64Array(buffer, byteOffset, Math.floor(layout.totalBytes / 8));
    this.health = new Uint8Array(buffer, byteOffset + layout.health, layout.servers);
    this.active = new Int32Array(buffer, byteOffset + layout.active, layout.servers * layout.activeStride);
    this.work = new Float64Array(buffer, byteOffset + layout.work, layout.servers * layout.activeStride);
    this.clients = new Int32Array(
      buffer,
      byteOffset + layout.clients,
      layout.virtualServices * layout.activeStride,
    );
    this.places = new Int32Array(buffer, byteOffset + layout.places, layout.servers * layout.activeStride);
    this.poolCells = new Int32Array(
      buffer,
      byteOffset + layout.poolCells,
      layout.pools * POOL_CELLS * layout.activeStride,
    );
  }

  /** Formats zeroed bytes; only for who created them, before anybody else attaches. */
  static format(bytes: Uint8Array, size: MappingSize): Mapping {
    const layout = layoutOf(size);
    if (bytes.byteLength < layout.totalBytes)
      throw new MappingError(`${bytes.byteLength} bytes are too few, this size needs ${layout.totalBytes}`);
    if (bytes.byteOffset % 8 !== 0) throw new MappingError('the bytes do not start at a multiple of 8');
    const mapping = new Mapping(bytes, layout);
    mapping.i32[HEADER.VERSION] = VERSION;
    mapping.i32[HEADER.WORKERS] = size.workers;
    mapping.i32[HEADER.VIRTUAL_SERVICES] = size.virtualServices;
    mapping.i32[HEADER.SERVERS] = size.servers;
    mapping.i32[HEADER.RATE_SETS] = layout.rateSets;
    mapping.i32[HEADER.PERSISTENCE_SETS] = layout.persistenceSets;
    mapping.i32[HEADER.POOLS] = layout.pools;
    Atomics.store(mapping.i32, HEADER.MAGIC, MAGIC);
    return mapping;
  }

  /** Reads the header and checks that the bytes are a mapping of this version. */
  static attach(bytes: Uint8Array): Mapping {
    if (bytes.byteLength < HEADER_BYTES) throw new MappingError(`${bytes.byteLength} bytes hold no header`);
    if (bytes.byteOffset % 8 !== 0) throw new MappingError('the bytes do not start at a multiple of 8');
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, HEADER_BYTES >> 2);
    const word = (i: number): number => words[i] ?? 0;
    if (word(HEADER.MAGIC) !== MAGIC) throw new MappingError('the header is not that of a mapping');
    if (word(HEADER.VERSION) !== VERSION)
      throw new MappingError(
        `it has version ${word(HEADER.VERSION)}, this program knows ${VERSION}: restart the SE`,
      );
    const layout = layoutOf({
      workers: word(HEADER.WORKERS),
      virtualServices: word(HEADER.VIRTUAL_SERVICES),
      servers: word(HEADER.SERVERS),
      rateSets: word(HEADER.RATE_SETS),
      persistenceSets: word(HEADER.PERSISTENCE_SETS),
      pools: word(HEADER.POOLS),
    });
    if (bytes.byteLength < layout.totalBytes)
      throw new MappingError(`${bytes.byteLength} bytes are too few, the header says ${layout.totalBytes}`);
    return new Mapping(bytes, layout);
  }

  /** The block of worker `index` (0..workers-1). Only that worker writes it while it lives. */
  worker(index: number): WorkerBlock {
    if (!Number.isInteger(index) || index < 0 || index >= this.layout.workers)
      throw new MappingError(`there is no worker ${index}, the mapping has room for ${this.layout.workers}`);
    return new WorkerBlock(this, index);
  }

  /** One of WORKER_STATE. */
  workerState(index: number): number {
    return Atomics.load(this.i32, this.blockBase(index) / 4 + WORKER.STATE);
  }

  /** Agent only: sets a verdict. Workers see it after the next `publishHealth`. */
  setHealth(slot: number, verdict: number): void {
    this.health[slot] = verdict;
  }

  /** Agent only, but for changes of workers: makes the workers look at the health bytes, and at each other, again. */
  publishHealth(): void {
    Atomics.add(this.i32, HEADER.HEALTH_EPOCH, 1);
  }

  get healthEpoch(): number {
    return Atomics.load(this.i32, HEADER.HEALTH_EPOCH);
  }

  /** Keys that had to give way in the table of rate limits because their set was full. */
  get rateEvictions(): number {
    return Atomics.load(this.u32, HEADER.RATE_EVICTIONS);
  }

  /** Live clients that had to give way in the persistence table because their set was full. */
  get persistenceEvictions(): number {
    return Atomics.load(this.u32, HEADER.PERSISTENCE_EVICTIONS);
  }

  /** Agent only: slots from these numbers on are unused. Raise them before a worker learns of a slot. */
  setUsed(virtualServices: number, servers: number, pools = 0): void {
    Atomics.store(this.i32, HEADER.POOLS_USED, pools);
    Atomics.store(this.i32, HEADER.VIRTUAL_SERVICES_USED, virtualServices);
    Atomics.store(this.i32, HEADER.SERVERS_USED, servers);
  }

  /** Requests and L4 connections under way at a server, over all workers. */
  activeOf(slot: number): number {
    return this.sum(this.active, slot);
  }

  /** Connections to a server, the idle ones too, over all workers. */
  placesOf(slot: number): number {
    return this.sum(this.places, slot);
  }

  /** Index in `poolCells` of the cells of a pool slot. `@param kind` one of POOL_CELL */
  poolCell(slot: number, kind: number): number {
    return (slot * POOL_CELLS + kind) * this.layout.activeStride;
  }

  /** Over all workers. `@param kind` one of POOL_CELL */
  poolSum(slot: number, kind: number): number {
    return this.sum(this.poolCells, slot * POOL_CELLS + kind);
  }

  /** The servers of a pool that have become free. */
  releases(slot: number): Releases {
    return new Releases(this.i32, (this.layout.poolRecords + slot * POOL_RECORD_BYTES) / 4);
  }

  /** Requests and L4 connections that were ever given to a server, over all workers, dead ones too. */
  requestsOf(slot: number): number {
    const { blockBytes, workers } = this.layout;
    const step = blockBytes / 8;
    let at = this.serverBase(0, slot) / 8 + SERVER.REQUESTS;
    let n = 0;
    for (let w = 0; w <= workers; w++, at += step) n += this.f64[at]!;
    return n;
  }

  /** Client connections of a virtual service, over all workers. */
  clientsOf(slot: number): number {
    return this.sum(this.clients, slot);
  }

  /** Index in `f64` of the first double of a server's record, see SERVER_STATE_F64. */
  stateF64(slot: number): number {
    return (this.layout.states + slot * SERVER_STATE_BYTES) / 8;
  }

  /** Index in `i32` of the first word of a server's record, see SERVER_STATE_I32. */
  stateI32(slot: number): number {
    return (this.layout.states + slot * SERVER_STATE_BYTES) / 4;
  }

  /** The table of rate limits, as worker `index` uses it. */
  rateTable(index: number): RateTable {
    return new RateTable({
      words: this.rateWords(),
      sets: this.layout.rateSets,
      owner: index,
      intents: this.i32,
      intentAt: (this.blockBase(index) >>> 2) + WORKER.RATE_INTENT,
      evictions: this.i32,
      evictionsAt: HEADER.RATE_EVICTIONS,
    });
  }

  /** The persistence table, as worker `index` uses it. */
  persistenceTable(index: number): PersistenceTable {
    return this.persistence(index, (this.blockBase(index) >>> 2) + WORKER.PERSISTENCE_INTENT);
  }

  /** The persistence table, as the agent uses it. What an earlier agent may have held locked is free again. */
  agentPersistenceTable(): PersistenceTable {
    const at = HEADER.PERSISTENCE_AGENT_INTENT;
    releasePersistenceLock(this.persistenceWords(), AGENT, Atomics.load(this.i32, at));
    Atomics.store(this.i32, at, 0);
    return this.persistence(AGENT, at);
  }

  /** Differs from an earlier call when something was counted on the slot in between. */
  serviceMark(slot: number): number {
    return this.mark(slot);
  }

  /** Differs from an earlier call when something was counted on the slot in between. */
  serverMark(slot: number): number {
    return this.mark(this.layout.virtualServices + slot);
  }

  /**
   * What was counted for a VS, over all workers; blocks without a mark are not looked at.
   * @param whole false leaves codes and histograms alone, which are most of the work
   */
  serviceTotals(slot: number, into: ServiceTotals = emptyServiceTotals(), whole = true): ServiceTotals {
    const { counters, codes, buckets } = into;
    counters.fill(0);
    if (whole) {
      codes.fill(0);
      buckets.fill(0);
    }
    for (let w = 0; w <= this.layout.workers; w++) {
      if (this.u32[this.markAt(w, slot)] === 0) continue;
      const base = this.serviceBase(w, slot);
      addFloats(counters, this.f64, base / 8, VS_COUNTERS);
      if (!whole) continue;
      addFloats(codes, this.f64, (base + VS_CODES_AT) / 8, CODE_CELLS);
      addWords(buckets, this.u32, (base + VS_HISTOGRAMS_AT) / 4, VS_BUCKETS);
    }
    return into;
  }

  /**
   * What was counted for a server, over all workers; blocks without a mark are not looked at.
   * @param whole false leaves the histogram alone
   */
  serverTotals(slot: number, into: ServerTotals = emptyServerTotals(), whole = true): ServerTotals {
    const { counters, buckets } = into;
    counters.fill(0);
    if (whole) buckets.fill(0);
    for (let w = 0; w <= this.layout.workers; w++) {
      if (this.u32[this.markAt(w, this.layout.virtualServices + slot)] === 0) continue;
      const base = this.serverBase(w, slot);
      addFloats(counters, this.f64, base / 8, SERVER_COUNTERS);
      if (whole) addWords(buckets, this.u32, (base + SERVER_HISTOGRAM_AT) / 4, SERVER_BUCKETS);
    }
    return into;
  }

  /** What was counted for a pool, over all workers. */
  poolTotals(slot: number, into: PoolTotals = emptyPoolTotals()): PoolTotals {
    const { counters, buckets } = into;
    counters.fill(0);
    buckets.fill(0);
    for (let w = 0; w <= this.layout.workers; w++) {
      const base = this.poolBase(w, slot);
      addFloats(counters, this.f64, base / 8, POOL_COUNTERS);
      addWords(buckets, this.u32, (base + POOL_HISTOGRAM_AT) / 4, POOL_BUCKETS);
    }
    return into;
  }

  /**
   * Supervisor or agent only, once the worker is known to be dead: what it had counted goes to the block of the
   * dead, its gauges and open connections are dropped, a lock that it held is freed, and its block is free for the
   * next worker.
   */
  retireWorker(index: number): void {
    const { layout } = this;
    const services = this.used(HEADER.VIRTUAL_SERVICES_USED, layout.virtualServices);
    const servers = this.used(HEADER.SERVERS_USED, layout.servers);
    for (let s = 0; s < services; s++) {
      this.clients[s * layout.activeStride + index] = 0;
      if (this.u32[this.markAt(index, s)] !== 0) this.retireService(index, s);
    }
    for (let s = 0; s < servers; s++) {
      this.active[s * layout.activeStride + index] = 0;
      this.work[s * layout.activeStride + index] = 0;
      this.places[s * layout.activeStride + index] = 0;
      if (this.u32[this.markAt(index, layout.virtualServices + s)] !== 0) this.retireServer(index, s);
    }
    const pools = this.used(HEADER.POOLS_USED, layout.pools);
    for (let p = 0; p < pools; p++) this.retirePool(index, p);
    const head = this.blockBase(index);
    const intent = Atomics.load(this.i32, head / 4 + WORKER.RATE_INTENT);
    releaseRateLock(this.rateWords(), index, intent);
    const held = Atomics.load(this.i32, head / 4 + WORKER.PERSISTENCE_INTENT);
    releasePersistenceLock(this.persistenceWords(), index, held);
    this.bytes.fill(0, head, head + WORKER_HEAD_BYTES);
    Atomics.store(this.i32, head / 4 + WORKER.STATE, WORKER_STATE.FREE);
    this.publishHealth();
  }

  /**
   * How many workers serve, and the place of worker `index` among them in the order of their blocks; it counts as one of
   * them even while it starts or stops. There are more blocks than workers: one is for who takes over from another.
   */
  serving(index: number): { rank: number; workers: number } {
    let rank = 0;
    let workers = 1;
    for (let w = 0; w < this.layout.workers; w++) {
      if (w === index || Atomics.load(this.i32, this.blockBase(w) / 4 + WORKER.STATE) !== WORKER_STATE.READY)
        continue;
      workers++;
      if (w < index) rank++;
    }
    return { rank, workers };
  }

  /** Agent only: forgets what was counted for a VS slot, before the slot is given to another VS. */
  clearService(slot: number): void {
    const cells = slot * this.layout.activeStride;
    this.clients.fill(0, cells, cells + this.layout.activeStride);
    for (let w = 0; w <= this.layout.workers; w++)
      this.clear(this.markAt(w, slot), this.serviceBase(w, slot), VS_BYTES);
  }

  /** Agent only: forgets a server slot, before it is given to another server. */
  clearServer(slot: number): void {
    const { layout } = this;
    this.health[slot] = HEALTH.UNKNOWN;
    const cells = slot * layout.activeStride;
    this.active.fill(0, cells, cells + layout.activeStride);
    this.work.fill(0, cells, cells + layout.activeStride);
    this.places.fill(0, cells, cells + layout.activeStride);
    const state = layout.states + slot * SERVER_STATE_BYTES;
    this.bytes.fill(0, state, state + SERVER_STATE_BYTES);
    for (let w = 0; w <= layout.workers; w++)
      this.clear(this.markAt(w, layout.virtualServices + slot), this.serverBase(w, slot), SERVER_BYTES);
  }

  /** Agent only: forgets a pool slot, before it is given to another pool. */
  clearPool(slot: number): void {
    const cells = this.poolCell(slot, 0);
    this.poolCells.fill(0, cells, cells + POOL_CELLS * this.layout.activeStride);
    const record = this.layout.poolRecords + slot * POOL_RECORD_BYTES;
    this.bytes.fill(0, record, record + POOL_RECORD_BYTES);
    for (let w = 0; w <= this.layout.workers; w++) {
      const base = this.poolBase(w, slot);
      this.bytes.fill(0, base, base + POOL_BYTES);
    }
  }

  /** OUTCOMES, ERRORS and ERRORS_4XX of a server over all workers: these alone, since they are read ten times a second. */
  serverOutcomes(slot: number, into: Float64Array): void {
    into[0] = into[1] = into[2] = 0;
    for (let w = 0; w <= this.layout.workers; w++) {
      if (this.u32[this.markAt(w, this.layout.virtualServices + slot)] === 0) continue;
      const at = this.serverBase(w, slot) / 8;
      into[0] += this.f64[at + SERVER.OUTCOMES]!;
      into[1] += this.f64[at + SERVER.ERRORS]!;
      into[2] += this.f64[at + SERVER.ERRORS_4XX]!;
    }
  }

  /** One counter of a server (`SERVER`) over all workers. */
  serverCounter(slot: number, counter: number): number {
    let sum = 0;
    for (let w = 0; w <= this.layout.workers; w++) {
      if (this.u32[this.markAt(w, this.layout.virtualServices + slot)] === 0) continue;
      sum += this.f64[this.serverBase(w, slot) / 8 + counter]!;
    }
    return sum;
  }

  /** Byte offset of a worker's block; index `workers` is the block of the dead. */
  blockBase(worker: number): number {
    return this.layout.blocks + worker * this.layout.blockBytes;
  }

  serviceBase(worker: number, slot: number): number {
    return this.blockBase(worker) + this.layout.servicesInBlock + slot * VS_BYTES;
  }

  serverBase(worker: number, slot: number): number {
    return this.blockBase(worker) + this.layout.serversInBlock + slot * SERVER_BYTES;
  }

  poolBase(worker: number, slot: number): number {
    return this.blockBase(worker) + this.layout.poolsInBlock + slot * POOL_BYTES;
  }

  /** Index in `u32`; `mark` is a VS slot, or a server slot behind all of those. */
  markAt(worker: number, mark: number): number {
    return (this.blockBase(worker) + this.layout.marksInBlock) / 4 + mark;
  }

  private rateWords(): Int32Array {
    const { rates, rateSets } = this.layout;
    return this.i32.subarray(rates / 4, (rates + rateSets * RATE_SET_BYTES) / 4);
  }

  private persistenceWords(): Int32Array {
    const { persistence, persistenceSets } = this.layout;
    return this.i32.subarray(persistence / 4, (persistence + persistenceSets * PERSISTENCE_SET_BYTES) / 4);
  }

  private persistence(owner: number, intentAt: number): PersistenceTable {
    const { persistenceSets: sets, persistenceMarks: marks, persistenceUsed: used } = this.layout;
    const words = Math.ceil(sets / 32);
    return new PersistenceTable({
      words: this.persistenceWords(),
      sets,
      marks: this.i32.subarray(marks / 4, marks / 4 + words),
      used: this.i32.subarray(used / 4, used / 4 + words),
      owner,
      intents: this.i32,
      intentAt,
      evictions: this.i32,
      evictionsAt: HEADER.PERSISTENCE_EVICTIONS,
    });
  }

  private mark(mark: number): number {
    let sum = 0;
    for (let w = 0; w <= this.layout.workers; w++) sum += Atomics.load(this.u32, this.markAt(w, mark));
    return sum;
  }

  private sum(cells: Int32Array, slot: number): number {
    const base = slot * this.layout.activeStride;
    let n = 0;
    for (let w = 0; w < this.layout.workers; w++) n += cells[base + w] ?? 0;
    return n;
  }

  private used(word: number, most: number): number {
    return Math.min(Math.max(Atomics.load(this.i32, word), 0), most);
  }

  private clear(mark: number, base: number, bytes: number): void {
    if (this.u32[mark] === 0) return;
    this.bytes.fill(0, base, base + bytes);
    this.u32[mark] = 0;
  }

  private retireService(index: number, slot: number): void {
    const dead = this.layout.workers;
    const from = this.serviceBase(index, slot);
    const to = this.serviceBase(dead, slot);
    for (const gauge of VS_GAUGES) this.f64[from / 8 + gauge] = 0;
    fold(this.f64, from / 8, to / 8, VS_HISTOGRAMS_AT / 8);
    fold(this.u32, (from + VS_HISTOGRAMS_AT) / 4, (to + VS_HISTOGRAMS_AT) / 4, VS_BUCKETS);
    this.retireMark(index, slot);
  }

  private retireServer(index: number, slot: number): void {
    const dead = this.layout.workers;
    const from = this.serverBase(index, slot);
    const to = this.serverBase(dead, slot);
    for (const gauge of SERVER_GAUGES) this.f64[from / 8 + gauge] = 0;
    fold(this.f64, from / 8, to / 8, SERVER_COUNTERS);
    fold(this.u32, (from + SERVER_HISTOGRAM_AT) / 4, (to + SERVER_HISTOGRAM_AT) / 4, SERVER_BUCKETS);
    this.retireMark(index, this.layout.virtualServices + slot);
  }

  private retirePool(index: number, slot: number): void {
    for (let kind = 0; kind < POOL_CELLS; kind++) this.poolCells[this.poolCell(slot, kind) + index] = 0;
    const from = this.poolBase(index, slot);
    const to = this.poolBase(this.layout.workers, slot);
    fold(this.f64, from / 8, to / 8, POOL_COUNTERS);
    fold(this.u32, (from + POOL_HISTOGRAM_AT) / 4, (to + POOL_HISTOGRAM_AT) / 4, POOL_BUCKETS);
  }

  /** The sum of marks moves on, since gauges were dropped. */
  private retireMark(index: number, mark: number): void {
    const from = this.markAt(index, mark);
    this.u32[this.markAt(this.layout.workers, mark)]! += this.u32[from]! + 1;
    this.u32[from] = 0;
  }
}

function addFloats(sum: Float64Array, cells: Float64Array, at: number, count: number): void {
  for (let i = 0; i < count; i++) sum[i]! += cells[at + i]!;
}

function addWords(sum: Uint32Array, cells: Uint32Array, at: number, count: number): void {
  for (let i = 0; i < count; i++) sum[i]! += cells[at + i]!;
}

function fold(cells: Float64Array | Uint32Array, from: number, to: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const v = cells[from + i]!;
    if (v === 0) continue;
    cells[to + i]! += v;
    cells[from + i] = 0;
  }
}
