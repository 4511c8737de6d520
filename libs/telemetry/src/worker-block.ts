import { VS_COUNTERS, WORKER, WORKER_F64, WORKER_STATE } from './layout.js';
import type { Mapping } from './mapping.js';

/**
 * A worker's own part of the mapping. Its offsets are handed out as plain indexes so that counting on the hot path
 * is one add to a typed array: `block.f64[block.service(slot) + VS.REQUESTS]++`.
 */
export class WorkerBlock {
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
  /** All cells of all workers; this worker writes only `activeCell(slot)`. */
  readonly active: Int32Array;
  private readonly i32: Int32Array;
  private readonly words: number;
  private readonly doubles: number;

  constructor(
    private readonly mapping: Mapping,
    /** 0..workers-1 */
    readonly index: number,
  ) {
    this.f64 = mapping.f64;
    this.u32 = mapping.u32;
    this.i32 = mapping.i32;
    this.active = mapping.active;
    this.words = mapping.blockBase(index) >> 2;
    this.doubles = mapping.blockBase(index) >> 3;
  }

  /** Index in `f64` of the first counter of a VS. */
  service(slot: number): number {
    return this.mapping.serviceBase(this.index, slot) >> 3;
  }

  /** Index in `u32` of the first bucket of a VS. */
  latency(slot: number): number {
    return (this.mapping.serviceBase(this.index, slot) + VS_COUNTERS * 8) >> 2;
  }

  /** Index in `f64` of the first counter of a server. */
  server(slot: number): number {
    return this.mapping.serverBase(this.index, slot) >> 3;
  }

  /** Index in `active` of this worker's cell for a server. */
  activeCell(slot: number): number {
    return slot * this.mapping.layout.activeStride + this.index;
  }

  /** Worker: takes the block. */
  claim(pid: number): void {
    this.i32[this.words + WORKER.PID] = pid;
    this.state = WORKER_STATE.STARTING;
  }

  /** Worker: says that its loop turns. Call it on the beat (`dp_hb_frequency`). */
  beat(): void {
    Atomics.add(this.i32, this.words + WORKER.BEAT, 1);
  }

  get beats(): number {
    return Atomics.load(this.i32, this.words + WORKER.BEAT);
  }

  get pid(): number {
    return Atomics.load(this.i32, this.words + WORKER.PID);
  }

  /** One of WORKER_STATE. */
  get state(): number {
    return Atomics.load(this.i32, this.words + WORKER.STATE);
  }

  set state(state: number) {
    Atomics.store(this.i32, this.words + WORKER.STATE, state);
  }

  /** The configuration that is live in this worker. */
  setLive(epoch: number, generation: number): void {
    this.f64[this.doubles + WORKER_F64.EPOCH] = epoch;
    this.f64[this.doubles + WORKER_F64.GENERATION] = generation;
  }

  get generation(): number {
    return this.f64[this.doubles + WORKER_F64.GENERATION] ?? 0;
  }

  get epoch(): number {
    return this.f64[this.doubles + WORKER_F64.EPOCH] ?? 0;
  }

  /** Gauges of the process itself, see WORKER_F64. */
  setGauge(which: (typeof WORKER_F64)[keyof typeof WORKER_F64], value: number): void {
    this.f64[this.doubles + which] = value;
  }

  gauge(which: (typeof WORKER_F64)[keyof typeof WORKER_F64]): number {
    return this.f64[this.doubles + which] ?? 0;
  }
}
