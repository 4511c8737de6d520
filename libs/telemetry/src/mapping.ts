import {
  BUCKETS,
  HEADER,
  HEADER_BYTES,
  HEALTH,
  MAGIC,
  SERVER_BYTES,
  SERVER_COUNTERS,
  VERSION,
  VS_BYTES,
  VS_COUNTERS,
  VS_GAUGES,
  WORKER_HEAD_BYTES,
  WORKER_STATE,
  layoutOf,
  type Layout,
  type MappingSize,
} from './layout.js';
import { WorkerBlock } from './worker-block.js';

/** The bytes are not a mapping that this version can use. */
export class MappingError extends Error {
  readonly code = 'MAPPING_INVALID';
  constructor(detail: string) {
    super(`shared mapping: ${detail}`);
    this.name = 'MappingError';
  }
}

/** Sum over all workers, the dead ones too. */
export interface ServiceTotals {
  /** Indexed by `VS`. */
  counters: Float64Array;
  /** Indexed by bucket. */
  latency: Float64Array;
}

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
  /** Cell of (slot, worker) at `slot * activeStride + worker`. */
  readonly active: Int32Array;

  private constructor(
    readonly bytes: Uint8Array,
    readonly layout: Layout,
  ) {
    const { buffer, byteOffset } = bytes;
    this.i32 = new Int32Array(buffer, byteOffset, layout.totalBytes >> 2);
    this.u32 = new Uint32Array(buffer, byteOffset, layout.totalBytes >> 2);
    this.f64 = new Float64Array(buffer, byteOffset, layout.totalBytes >> 3);
    this.health = new Uint8Array(buffer, byteOffset + layout.health, layout.servers);
    this.active = new Int32Array(buffer, byteOffset + layout.active, layout.servers * layout.activeStride);
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

  /** Agent only: sets a verdict. Workers see it after the next `publishHealth`. */
  setHealth(slot: number, verdict: number): void {
    this.health[slot] = verdict;
  }

  /** Agent only: makes the workers look at the health bytes again. */
  publishHealth(): void {
    Atomics.add(this.i32, HEADER.HEALTH_EPOCH, 1);
  }

  get healthEpoch(): number {
    return Atomics.load(this.i32, HEADER.HEALTH_EPOCH);
  }

  /** Agent only: slots from these numbers on are unused. Raise them before a worker learns of a slot. */
  setUsed(virtualServices: number, servers: number): void {
    Atomics.store(this.i32, HEADER.VIRTUAL_SERVICES_USED, virtualServices);
    Atomics.store(this.i32, HEADER.SERVERS_USED, servers);
  }

  /** Open connections to a server, over all workers. */
  activeOf(slot: number): number {
    const base = slot * this.layout.activeStride;
    let n = 0;
    for (let w = 0; w < this.layout.workers; w++) n += this.active[base + w] ?? 0;
    return n;
  }

  /** Counters and histogram of a VS, over all workers. */
  serviceTotals(slot: number): ServiceTotals {
    const counters = new Float64Array(VS_COUNTERS);
    const latency = new Float64Array(BUCKETS);
    for (let w = 0; w <= this.layout.workers; w++) {
      const f = this.serviceBase(w, slot) >> 3;
      for (let i = 0; i < VS_COUNTERS; i++) counters[i]! += this.f64[f + i] ?? 0;
      const u = (this.serviceBase(w, slot) + VS_COUNTERS * 8) >> 2;
      for (let i = 0; i < BUCKETS; i++) latency[i]! += this.u32[u + i] ?? 0;
    }
    return { counters, latency };
  }

  /** Counters of a server (indexed by `SERVER`), over all workers. */
  serverTotals(slot: number): Float64Array {
    const counters = new Float64Array(SERVER_COUNTERS);
    for (let w = 0; w <= this.layout.workers; w++) {
      const f = this.serverBase(w, slot) >> 3;
      for (let i = 0; i < SERVER_COUNTERS; i++) counters[i]! += this.f64[f + i] ?? 0;
    }
    return counters;
  }

  /**
   * Supervisor or agent only, once the worker is known to be dead: what it had counted goes to the block of the
   * dead, its gauges and open connections are dropped, and its block is free for the next worker.
   */
  retireWorker(index: number): void {
    const dead = this.layout.workers;
    const services = this.used(HEADER.VIRTUAL_SERVICES_USED, this.layout.virtualServices);
    const servers = this.used(HEADER.SERVERS_USED, this.layout.servers);
    for (let s = 0; s < services; s++) {
      const from = this.serviceBase(index, s);
      const to = this.serviceBase(dead, s);
      for (const gauge of VS_GAUGES) this.f64[(from >> 3) + gauge] = 0;
      this.fold(this.f64, from >> 3, to >> 3, VS_COUNTERS);
      this.fold(this.u32, (from >> 2) + VS_COUNTERS * 2, (to >> 2) + VS_COUNTERS * 2, BUCKETS);
    }
    for (let s = 0; s < servers; s++) {
      this.fold(this.f64, this.serverBase(index, s) >> 3, this.serverBase(dead, s) >> 3, SERVER_COUNTERS);
      this.active[s * this.layout.activeStride + index] = 0;
    }
    const head = this.blockBase(index);
    this.bytes.fill(0, head, head + WORKER_HEAD_BYTES);
    Atomics.store(this.i32, (head >> 2) + 2, WORKER_STATE.FREE);
  }

  /** Agent only: forgets what was counted for a VS slot, before the slot is given to another VS. */
  clearService(slot: number): void {
    for (let w = 0; w <= this.layout.workers; w++) {
      const base = this.serviceBase(w, slot);
      this.bytes.fill(0, base, base + VS_BYTES);
    }
  }

  /** Agent only: forgets a server slot, before it is given to another server. */
  clearServer(slot: number): void {
    this.health[slot] = HEALTH.UNKNOWN;
    const cells = slot * this.layout.activeStride;
    this.active.fill(0, cells, cells + this.layout.activeStride);
    for (let w = 0; w <= this.layout.workers; w++) {
      const base = this.serverBase(w, slot);
      this.bytes.fill(0, base, base + SERVER_BYTES);
    }
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

  private used(word: number, most: number): number {
    return Math.min(Math.max(Atomics.load(this.i32, word), 0), most);
  }

  private fold(cells: Float64Array | Uint32Array, from: number, to: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const v = cells[from + i] ?? 0;
      if (v === 0) continue;
      cells[to + i] = (cells[to + i] ?? 0) + v;
      cells[from + i] = 0;
    }
  }
}
