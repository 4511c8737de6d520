import { codeCell } from './codes.js';
import type { VsHistogram } from './counters.js';
import {
  SERVER_HISTOGRAM_AT,
  VS_CODES_AT,
  VS_HISTOGRAMS_AT,
  WORKER,
  WORKER_F64,
  WORKER_STATE,
} from './layout.js';
import { POOL_HISTOGRAM_AT } from './pool-slot.js';
import type { RateTable } from './limits/rate-table.js';
import type { PersistenceTable } from './persistence-table.js';
import { tryAdd } from './limits/shared-count.js';
import type { Mapping } from './mapping.js';
import { histogramAt } from './totals.js';

/**
 * A worker's own part of the mapping. Its offsets are handed out as plain indexes so that counting on the hot path
 * is one add to a typed array: `block.f64[block.service(slot) + VS.REQUESTS]++`. Whoever counts on a slot raises its
 * mark before the first count and after the last (once for many counts is enough), else readers do not look there.
 */
export class WorkerBlock {
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
  /** All cells of all workers; this worker writes only `activeCell(slot)`. */
  readonly active: Int32Array;
  /** Predicted work under way, in the same cells as `active`. */
  readonly work: Float64Array;
  /** All cells of all workers; this worker writes only `clientCell(slot)`. */
  readonly clients: Int32Array;
  /** All cells of all workers; this worker writes only `activeCell(slot)`. */
  readonly places: Int32Array;
  /** All cells of all workers; this worker writes only `poolCell(slot, kind)`. */
  readonly poolCells: Int32Array;
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
    this.work = mapping.work;
    this.clients = mapping.clients;
    this.places = mapping.places;
    this.poolCells = mapping.poolCells;
    this.words = mapping.blockBase(index) / 4;
    this.doubles = mapping.blockBase(index) / 8;
  }

  /** Index in `f64` of the first counter of a VS. */
  service(slot: number): number {
    return this.mapping.serviceBase(this.index, slot) / 8;
  }

  /** Index in `f64` of the cell of a response code. */
  code(slot: number, status: number): number {
    return (this.mapping.serviceBase(this.index, slot) + VS_CODES_AT) / 8 + codeCell(status);
  }

  /** Index in `u32` of the first bucket of a histogram of a VS. */
  histogram(slot: number, which: VsHistogram): number {
    return (this.mapping.serviceBase(this.index, slot) + VS_HISTOGRAMS_AT) / 4 + histogramAt(which);
  }

  /** Index in `f64` of the first counter of a server. */
  server(slot: number): number {
    return this.mapping.serverBase(this.index, slot) / 8;
  }

  /** Index in `u32` of the first bucket of a server's histogram. */
  serverHistogram(slot: number): number {
    return (this.mapping.serverBase(this.index, slot) + SERVER_HISTOGRAM_AT) / 4;
  }

  /** Index in `f64` of the first counter of a pool. */
  pool(slot: number): number {
    return this.mapping.poolBase(this.index, slot) / 8;
  }

  /** Index in `u32` of the first bucket of a pool's histogram. */
  poolHistogram(slot: number): number {
    return (this.mapping.poolBase(this.index, slot) + POOL_HISTOGRAM_AT) / 4;
  }

  /** Index in `poolCells` of this worker's cell. `@param kind` one of POOL_CELL */
  poolCell(slot: number, kind: number): number {
    return this.mapping.poolCell(slot, kind) + this.index;
  }

  /** Index in `u32` of the mark of a VS slot. */
  serviceMark(slot: number): number {
    return this.mapping.markAt(this.index, slot);
  }

  /** Index in `u32` of the mark of a server slot. */
  serverMark(slot: number): number {
    return this.mapping.markAt(this.index, this.mapping.layout.virtualServices + slot);
  }

  /** Index in `active` and `work` of this worker's cell for a server. */
  activeCell(slot: number): number {
    return slot * this.mapping.layout.activeStride + this.index;
  }

  /** Index in `clients` of this worker's cell for a VS. */
  clientCell(slot: number): number {
    return slot * this.mapping.layout.activeStride + this.index;
  }

  /**
   * Raises this worker's cell in `cells` (`active`, `clients` or `places`) unless the sum of the slot over all workers would pass
   * `limit`. What it grants is given back by lowering the cell, or by the death of the worker.
   */
  tryAdd(cells: Int32Array, slot: number, limit: number): boolean {
    const { activeStride, workers } = this.mapping.layout;
    return tryAdd(cells, slot * activeStride, workers, this.index, limit);
  }

  /** As `tryAdd`, for a cell of a pool. `@param kind` one of POOL_CELL */
  tryAddToPool(slot: number, kind: number, limit: number): boolean {
    const { workers } = this.mapping.layout;
    return tryAdd(this.poolCells, this.mapping.poolCell(slot, kind), workers, this.index, limit);
  }

  /** The rate limits that all workers of the SE share. */
  rates(): RateTable {
    return this.mapping.rateTable(this.index);
  }

  /** The persistence table that all workers of the SE share. */
  persistence(): PersistenceTable {
    return this.mapping.persistenceTable(this.index);
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
    // Which workers serve matters to the others.
    this.mapping.publishHealth();
  }

  /** True while a configuration is taken in: beats come late then. */
  get loading(): boolean {
    return Atomics.load(this.i32, this.words + WORKER.LOADING) !== 0;
  }

  set loading(loading: boolean) {
    Atomics.store(this.i32, this.words + WORKER.LOADING, loading ? 1 : 0);
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
