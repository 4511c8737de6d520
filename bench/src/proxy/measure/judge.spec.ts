import { describe, expect, it } from '@jest/globals';
import type { Workload } from '../workloads.js';
import type { Comparison } from './compare.js';
import type { Run } from './drive.js';
import { isShared, judge, median, ratioOf, typical, warnings } from './judge.js';

const run = (rps: number, more: Partial<Run> = {}): Run => ({
  seconds: 1,
  requests: rps,
  errors: 0,
  latency: { p50: 1, p99: 2, p999: 3 },
  late: 0,
  cpu: 0.3,
  rps,
  cpuPerRequest: 20,
  kinstrUser: 1,
  kinstrKernel: 28,
  kcycles: 50,
  originCpu: 0.4,
  ...more,
});

const workload = (more: Partial<Workload>): Workload => ({
  name: 'x',
  about: 'work',
  application: 'http',
  request: 'small',
  connections: 1,
  closing: false,
  peers: ['nginx'],
  tuning: 'default',
  budgets: [{ against: 'nginx', figure: 'rps', atLeast: 1.3 }],
  ...more,
});

const comparison = (
  runs: Comparison['runs'],
  more: Partial<Workload> = {},
  direct = run(1000),
): Comparison => ({ workload: workload(more), runs, direct });

describe('figures', () => {
  it('takes the middle, between two when there are two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('divides within a round, so that a round which a neighbour slowed down counts like another', () => {
    const ours = [run(100), run(10), run(120)];
    const theirs = [run(50), run(5), run(60)];
    expect(ratioOf(ours, theirs, (r) => r.rps)).toBe(2);
  });

  it('adds errors up, and takes the busiest generator', () => {
    const { errors, cpu } = typical([run(1, { errors: 2 }), run(1, { errors: 3, cpu: 0.95 })]);
    expect({ errors, cpu }).toEqual({ errors: 5, cpu: 0.95 });
  });
});

describe('verdicts', () => {
  it('keeps and misses a budget, and says by how much', () => {
    const kept = judge(comparison({ spillway: [run(140)], nginx: [run(100)] }), 1, new Map());
    expect(kept).toMatchObject([{ met: true, measured: '1.40; 1.00 per second of CPU', budget: '>= 1.3' }]);
    const missed = judge(comparison({ spillway: [run(65)], nginx: [run(100)] }), 1, new Map());
    expect(missed).toMatchObject([{ met: false, measured: '0.65 (50 % off); 1.00 per second of CPU' }]);
  });

  it('widens what is allowed by the slack, either way', () => {
    const runs = { spillway: [run(30, { kcycles: 200 })], nginx: [run(100)] };
    expect(judge(comparison(runs), 5, new Map())).toMatchObject([{ met: true }]);
    const budgets = [{ against: 'nginx', figure: 'cycles', atMost: 1.2 }] as const;
    expect(judge(comparison(runs, { budgets }), 5, new Map())).toMatchObject([{ met: true }]);
    expect(judge(comparison(runs, { budgets }), 1, new Map())).toMatchObject([{ met: false }]);
  });

  it('judges by seconds of CPU where the core is shared, and tells both', () => {
    const runs = { spillway: [run(50, { cpuPerRequest: 10 })], nginx: [run(100, { cpuPerRequest: 20 })] };
    expect(judge(comparison(runs), 1, new Map(), true)).toMatchObject([
      { met: true, measured: '2.00 per second of CPU; 0.50 on a shared core' },
    ]);
    expect([isShared(3.9, 4), isShared(4.1, 4)]).toEqual([false, true]);
  });

  it('names why a row has no figure, and gives no verdict then', () => {
    const [row] = judge(
      comparison({ spillway: [run(1)] }),
      1,
      new Map([['nginx', 'nginx is not installed']]),
    );
    expect(row).toMatchObject({ measured: 'not measured: nginx is not installed' });
    expect(row).not.toHaveProperty('met');
  });

  it('an error of ours is a miss, whatever the ratio', () => {
    const rows = judge(comparison({ spillway: [run(200, { errors: 1 })], nginx: [run(100)] }), 5, new Map());
    expect(rows.map((row) => row.met)).toEqual([true, false]);
  });

  it('counts the relay only when it costs what a relay costs', () => {
    const budgets = [{ against: 'relay', figure: 'cycles', atMost: 1.2 }] as const;
    const beside = (relay: Run) =>
      judge(
        comparison({ spillway: [run(1, { kcycles: 55 })], relay: [relay] }, { budgets }),
        1,
        new Map(),
      )[0];
    expect(beside(run(1))).toMatchObject({ met: true, measured: '1.10' });
    expect(beside(run(1, { kinstrKernel: 60 }))).not.toHaveProperty('met');
    expect(beside(run(1, { kinstrKernel: Number.NaN }))?.measured).toBe('this machine counts no cycles');
  });
});

describe('warnings', () => {
  it('names a generator, an origin or a path that had no room', () => {
    const runs = { spillway: [run(900, { cpu: 0.97, originCpu: 0.96 })] };
    expect(warnings(comparison(runs))).toEqual([
      'the load generator used 97 % of a core with spillway',
      'the origin used 96 % of its core with spillway',
      'without a proxy it is only 1.11 x as fast as the fastest',
    ]);
    expect(warnings(comparison({ spillway: [run(100)] }))).toEqual([]);
  });
});
