import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  BUCKETS,
  CODE_CELLS,
  CODE_NAMES,
  COARSE_BUCKETS,
  coarseBucketFloor,
  coarseBucketOf,
  codeCell,
  addCumulative,
  bucketsBelow,
  histogramOf,
  sizeFor,
  VS_BUCKETS,
  VS_HISTOGRAM,
  bucketFloor,
  bucketOf,
  HEADER,
  HEALTH,
  layoutOf,
  Mapping,
  MappingError,
  openMapping,
  quantile,
  HEADER_WORDS,
  POOL_BUCKETS,
  POOL_CELL,
  POOL_COUNTERS,
  RATE_SET_BYTES,
  SERVER,
  SERVER_COUNTERS,
  SERVER_STATE_F64,
  VS,
  VS_COUNTERS,
  WORKER,
  WORKER_STATE,
} from './index.js';

const SIZE = { workers: 3, virtualServices: 5, servers: 7 };
const make = (): Mapping => Mapping.format(new Uint8Array(layoutOf(SIZE).totalBytes), SIZE);

describe('histogram', () => {
  it('buckets are in order, cover everything and are at most an eighth wide', () => {
    fc.assert(
      fc.property(fc.double({ min: -10, max: 5e9, noNaN: true }), (us) => {
        const b = bucketOf(us);
        expect(b).toBeGreaterThanOrEqual(0);
        expect(b).toBeLessThan(BUCKETS);
        if (us >= 1 && us < 2 ** 31 - 1) {
          const v = Math.floor(us);
          expect(bucketFloor(b)).toBeLessThanOrEqual(v);
          expect(bucketFloor(b + 1)).toBeGreaterThan(v);
          expect(bucketFloor(b + 1) - bucketFloor(b)).toBeLessThanOrEqual(Math.max(1, v / 8));
        }
      }),
    );
  });

  it('quantiles are within an eighth of the exact ones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const counts = new Float64Array(BUCKETS);
          for (const v of values) counts[bucketOf(v)]!++;
          const sorted = [...values].sort((a, b) => a - b);
          const exact = sorted[Math.max(1, Math.ceil(values.length * q)) - 1]!;
          const found = quantile(counts, q);
          expect(found).toBeGreaterThanOrEqual(exact);
          expect(found).toBeLessThanOrEqual(exact + Math.max(1, exact / 8));
        },
      ),
    );
    expect(quantile(new Float64Array(BUCKETS), 0.5)).toBe(0);
  });
});

describe('coarse histogram', () => {
  it('buckets are in order, cover everything and are at most a quarter wide', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 2 }), (us) => {
        const b = coarseBucketOf(us);
        expect(b).toBeLessThan(COARSE_BUCKETS);
        expect(coarseBucketFloor(b)).toBeLessThanOrEqual(us);
        expect(coarseBucketFloor(b + 1)).toBeGreaterThan(us);
        expect(coarseBucketFloor(b + 1) - coarseBucketFloor(b)).toBeLessThanOrEqual(Math.max(1, us / 4));
      }),
    );
    expect([coarseBucketOf(-1), coarseBucketOf(1e12)]).toEqual([0, coarseBucketOf(2 ** 31 - 1)]);
  });

  it('gives cumulative counts per bound, never more than there are', () => {
    const counts = new Uint32Array(COARSE_BUCKETS);
    for (const us of [1, 5, 90, 1000, 5e6]) counts[coarseBucketOf(us)]!++;
    const sums = new Float64Array(5);
    const below = bucketsBelow(COARSE_BUCKETS, [1, 10, 1500, 1e6]);
    addCumulative(sums, counts, below);
    expect([...sums]).toEqual([1, 2, 4, 4, 5]);
    addCumulative(sums, counts, below);
    expect([...sums]).toEqual([2, 4, 8, 8, 10]);
    expect(VS_BUCKETS).toBe(BUCKETS + 5 * COARSE_BUCKETS);
  });
});

describe('codes', () => {
  it('each has a cell, unknown ones that of their class', () => {
    for (let code = 100; code < 600; code++) {
      const name = CODE_NAMES[codeCell(code)];
      expect([`${code}`, `${Math.trunc(code / 100)}xx`]).toContain(name);
    }
    expect(CODE_NAMES[codeCell(200)]).toBe('200');
    expect([codeCell(0), codeCell(999), codeCell(299)].map((c) => CODE_NAMES[c])).toEqual([
      '1xx',
      '5xx',
      '2xx',
    ]);
    expect(CODE_NAMES.length).toBeLessThanOrEqual(CODE_CELLS);
  });
});

describe('mapping', () => {
  it('is attached to by what was formatted, and by nothing else', () => {
    const mapping = make();
    expect(Mapping.attach(mapping.bytes).layout).toEqual(mapping.layout);
    expect(() => Mapping.attach(new Uint8Array(4096))).toThrow(MappingError);
    expect(() => Mapping.attach(new Uint8Array(8))).toThrow(/hold no header/);
    expect(() => Mapping.attach(mapping.bytes.subarray(0, 4096))).toThrow(/too few/);
    mapping.i32[HEADER.VERSION] = 99;
    expect(() => Mapping.attach(mapping.bytes)).toThrow(/version 99/);
    expect(() => Mapping.format(new Uint8Array(100), SIZE)).toThrow(/too few/);
    expect(() => make().worker(3)).toThrow(/no worker 3/);
    expect(() => openMapping('/nowhere')).toThrow(/only on Bun/);
  });

  it('no two cells of any kind overlap, whatever the size', () => {
    const sizes = fc.record({
      workers: fc.integer({ min: 1, max: 20 }),
      virtualServices: fc.integer({ min: 1, max: 9 }),
      servers: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(sizes, (size) => {
        const m = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
        const taken = new Uint8Array(m.layout.totalBytes);
        let faults = 0;
        const take = (byte: number, length: number): void => {
          if (byte % length !== 0 || byte + length > taken.length) faults++;
          for (let i = byte; i < byte + length; i++) if (taken[i]!++ !== 0) faults++;
        };
        for (let i = 0; i < HEADER_WORDS; i++) take(i * 4, 4);
        take(m.layout.rates, 4);
        take(m.layout.rates + m.layout.rateSets * RATE_SET_BYTES - 4, 4);
        for (let s = 0; s < size.servers; s++) take(m.layout.health + s, 1);
        for (let w = 0; w < size.workers; w++) {
          const block = m.worker(w);
          for (let i = 0; i < 4; i++) take(m.blockBase(w) + i * 4, 4);
          for (let i = 2; i < 12; i++) take(m.blockBase(w) + i * 8, 8);
          take(m.blockBase(w) + WORKER.RATE_INTENT * 4, 4);
          for (let s = 0; s < size.servers; s++) {
            take(m.layout.active + block.activeCell(s) * 4, 4);
            take(m.layout.places + block.activeCell(s) * 4, 4);
            take(block.serverMark(s) * 4, 4);
            for (let c = 0; c < SERVER_COUNTERS; c++) take((block.server(s) + c) * 8, 8);
            for (let c = 0; c < COARSE_BUCKETS; c++) take((block.serverHistogram(s) + c) * 4, 4);
          }
          for (let p = 0; p < m.layout.pools; p++) {
            for (const kind of Object.values(POOL_CELL))
              take(m.layout.poolCells + block.poolCell(p, kind) * 4, 4);
            for (let c = 0; c < POOL_COUNTERS; c++) take((block.pool(p) + c) * 8, 8);
            for (let c = 0; c < POOL_BUCKETS; c++) take((block.poolHistogram(p) + c) * 4, 4);
          }
          for (let v = 0; v < size.virtualServices; v++) {
            take(m.layout.clients + block.clientCell(v) * 4, 4);
            take(block.serviceMark(v) * 4, 4);
            for (let c = 0; c < VS_COUNTERS; c++) take((block.service(v) + c) * 8, 8);
            for (let c = 0; c < CODE_CELLS; c++) take((block.code(v, 100) + c) * 8, 8);
            for (const which of Object.values(VS_HISTOGRAM)) {
              const buckets = which === VS_HISTOGRAM.TOTAL ? BUCKETS : COARSE_BUCKETS;
              for (let c = 0; c < buckets; c++) take((block.histogram(v, which) + c) * 4, 4);
            }
          }
        }
        expect(faults).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  it('says which workers serve, and raises the epoch when that changes', () => {
    const m = make();
    const epoch = m.healthEpoch;
    const last = m.layout.workers - 1;
    expect(m.serving(0)).toEqual({ rank: 0, workers: 1 });
    m.worker(last).claim(1);
    m.worker(last).state = WORKER_STATE.READY;
    expect(m.serving(last)).toEqual({ rank: 0, workers: 1 });
    expect(m.serving(0)).toEqual({ rank: 0, workers: 2 });
    m.worker(0).claim(2);
    expect(m.serving(last)).toEqual({ rank: 0, workers: 1 });
    m.worker(0).state = WORKER_STATE.READY;
    expect(m.serving(last)).toEqual({ rank: 1, workers: 2 });
    const before = m.healthEpoch;
    expect(before).toBeGreaterThan(epoch);
    m.retireWorker(0);
    expect(m.serving(last)).toEqual({ rank: 0, workers: 1 });
    expect(m.healthEpoch).toBeGreaterThan(before);
  });

  it('a dead worker keeps its counts, loses its gauges and frees its block', () => {
    const m = make();
    m.setUsed(5, 7);
    const [a, b] = [m.worker(0), m.worker(1)];
    a.claim(100);
    a.state = WORKER_STATE.READY;
    b.claim(200);
    for (const w of [a, b]) {
      m.u32[w.serviceMark(2)]!++;
      m.u32[w.serverMark(6)]!++;
      m.f64[w.service(2) + VS.REQUESTS] = 10;
      m.f64[w.service(2) + VS.CONNECTIONS_ACTIVE] = 4;
      m.f64[w.code(2, 404)] = 7;
      m.u32[w.histogram(2, VS_HISTOGRAM.TOTAL) + 17] = 3;
      m.u32[w.histogram(2, VS_HISTOGRAM.SERVER_RTT) + 5] = 2;
      m.f64[w.server(6) + SERVER.FAILURES] = 2;
      m.f64[w.server(6) + SERVER.CONNECTIONS_OPEN] = 9;
      m.u32[w.serverHistogram(6) + 4] = 1;
      m.active[w.activeCell(6)] = 5;
      m.work[w.activeCell(6)] = 1.5;
      m.clients[w.clientCell(2)] = 4;
      w.beat();
    }
    const sums = (): unknown => {
      const { counters, codes, buckets } = m.serviceTotals(2);
      const server = m.serverTotals(6);
      return [
        [counters[VS.REQUESTS], codes[codeCell(404)]],
        histogramOf(buckets, VS_HISTOGRAM.TOTAL)[17],
        histogramOf(buckets, VS_HISTOGRAM.SERVER_RTT)[5],
        [server.counters[SERVER.FAILURES], server.buckets[4]],
        [counters[VS.CONNECTIONS_ACTIVE], m.clientsOf(2), m.activeOf(6)],
        [server.counters[SERVER.CONNECTIONS_OPEN], m.work.reduce((sum, n) => sum + n)],
      ];
    };
    expect(sums()).toEqual([[20, 14], 6, 4, [4, 2], [8, 8, 10], [18, 3]]);
    const marks = [m.serviceMark(2), m.serverMark(6)];
    m.retireWorker(0);
    expect(sums()).toEqual([[20, 14], 6, 4, [4, 2], [4, 4, 5], [9, 1.5]]);
    expect(m.serviceMark(2)).not.toBe(marks[0]);
    expect(m.serverMark(6)).not.toBe(marks[1]);
    expect([a.pid, a.beats, a.state, b.pid, b.beats]).toEqual([0, 0, WORKER_STATE.FREE, 200, 1]);
    m.retireWorker(0);
    expect(sums()).toEqual([[20, 14], 6, 4, [4, 2], [4, 4, 5], [9, 1.5]]);
    m.clearService(2);
    m.clearServer(6);
    expect(sums()).toEqual([[0, 0], 0, 0, [0, 0], [0, 0, 0], [0, 0]]);
    expect([m.serviceMark(2), m.serverMark(6)]).toEqual([0, 0]);
  });

  it('keeps a record per server that no other reaches into, until the slot is cleared', () => {
    const m = make();
    const last = m.layout.servers - 1;
    for (const slot of [0, 1, last]) {
      for (let i = 0; i < 8; i++) m.i32[m.stateI32(slot) + 8 + i] = -1;
      m.f64[m.stateF64(slot) + SERVER_STATE_F64.ADMITTED_AT] = slot + 1;
    }
    m.clearServer(1);
    const admitted = (slot: number) => m.f64[m.stateF64(slot) + SERVER_STATE_F64.ADMITTED_AT];
    expect([admitted(0), admitted(1), admitted(last)]).toEqual([1, 0, last + 1]);
    const words = (slot: number) => m.i32.slice(m.stateI32(slot) + 8, m.stateI32(slot) + 16);
    expect([...words(0), ...words(last)].every((w) => w === -1)).toBe(true);
    expect([...words(1)].every((w) => w === 0)).toBe(true);
    expect([...m.active, ...m.work, ...m.clients].every((n) => n === 0)).toBe(true);
    expect(m.rateEvictions).toBe(0);
  });

  it('looks only where something was marked', () => {
    const m = make();
    const w = m.worker(1);
    m.f64[w.service(3) + VS.REQUESTS] = 1;
    expect(m.serviceTotals(3).counters[VS.REQUESTS]).toBe(0);
    m.u32[w.serviceMark(3)]!++;
    expect(m.serviceTotals(3).counters[VS.REQUESTS]).toBe(1);
  });

  it('has room for the largest SE in less than 2 GiB, whatever the number of workers', () => {
    for (const workers of [1, 4, 16, 24]) {
      const size = sizeFor(workers);
      expect([size.virtualServices, size.servers]).toEqual([10_240, 16_384]);
    }
    for (const workers of [64, 128]) {
      const size = sizeFor(workers);
      expect(size.virtualServices).toBeGreaterThan(500);
      expect(layoutOf(size).totalBytes).toBeLessThan(2 ** 31);
    }
  });

  it('tells workers of health by its epoch', () => {
    const m = make();
    const other = Mapping.attach(m.bytes);
    m.setHealth(3, HEALTH.UP);
    expect(other.healthEpoch).toBe(0);
    m.publishHealth();
    expect([other.healthEpoch, other.health[3], other.health[2]]).toEqual([1, HEALTH.UP, HEALTH.UNKNOWN]);
  });

  it('says what is live in a worker', () => {
    const w = make().worker(2);
    w.setLive(3, 2 ** 40);
    expect([w.epoch, w.generation]).toEqual([3, 2 ** 40]);
  });
});
