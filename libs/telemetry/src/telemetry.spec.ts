import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  BUCKETS,
  bucketFloor,
  bucketOf,
  HEADER,
  HEALTH,
  layoutOf,
  Mapping,
  MappingError,
  openMapping,
  quantile,
  SERVER,
  VS,
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
        for (let i = 0; i < 10; i++) take(i * 4, 4);
        for (let s = 0; s < size.servers; s++) take(m.layout.health + s, 1);
        for (let w = 0; w < size.workers; w++) {
          const block = m.worker(w);
          for (let i = 0; i < 3; i++) take(m.blockBase(w) + i * 4, 4);
          for (let s = 0; s < size.servers; s++) {
            take(m.layout.active + block.activeCell(s) * 4, 4);
            for (let c = 0; c < 8; c++) take((block.server(s) + c) * 8, 8);
          }
          for (let v = 0; v < size.virtualServices; v++) {
            for (let c = 0; c < 16; c++) take((block.service(v) + c) * 8, 8);
            take(block.latency(v) * 4, 4);
            take((block.latency(v) + BUCKETS - 1) * 4, 4);
          }
        }
        expect(faults).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  it('a dead worker keeps its counts, loses its gauges and frees its block', () => {
    const m = make();
    m.setUsed(5, 7);
    const [a, b] = [m.worker(0), m.worker(1)];
    a.claim(100);
    a.state = WORKER_STATE.READY;
    b.claim(200);
    for (const w of [a, b]) {
      m.f64[w.service(2) + VS.REQUESTS] = 10;
      m.f64[w.service(2) + VS.CONNECTIONS_ACTIVE] = 4;
      m.u32[w.latency(2) + 17] = 3;
      m.f64[w.server(6) + SERVER.FAILURES] = 2;
      m.active[w.activeCell(6)] = 5;
      w.beat();
    }
    const sums = (): unknown => {
      const { counters, latency } = m.serviceTotals(2);
      return [
        counters[VS.REQUESTS],
        counters[VS.CONNECTIONS_ACTIVE],
        latency[17],
        m.serverTotals(6)[SERVER.FAILURES],
        m.activeOf(6),
      ];
    };
    expect(sums()).toEqual([20, 8, 6, 4, 10]);
    m.retireWorker(0);
    expect(sums()).toEqual([20, 4, 6, 4, 5]);
    expect([a.pid, a.beats, a.state, b.pid, b.beats]).toEqual([0, 0, WORKER_STATE.FREE, 200, 1]);
    m.retireWorker(0);
    expect(sums()).toEqual([20, 4, 6, 4, 5]);
    m.clearService(2);
    m.clearServer(6);
    expect(sums()).toEqual([0, 0, 0, 0, 0]);
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
