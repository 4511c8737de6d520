import { describe, expect, it } from '@jest/globals';
import { assign, parseCores } from '../host/cores.js';
import { parsePerf } from '../host/perf.js';
import { requestText } from '../requests.js';
import { parseLoad } from './drive.js';
import { parseH2load, readH2Log } from './h2load.js';

describe('what other programs print', () => {
  it('perf stat, with and without a counter', () => {
    const counted = parsePerf(
      '# started on x\n\n300,,instructions:u,9,100.00,,\n400,,instructions:k,9,100.00,,\n<not supported>,,cycles:u,0,100.00,,\n',
    );
    expect(counted).toEqual({
      instructionsUser: 300,
      instructionsKernel: 400,
      cyclesUser: Number.NaN,
      cyclesKernel: Number.NaN,
    });
  });

  it('h2load and its log', () => {
    const log = readH2Log('1\t200\t30\n2\t200\t10\n3\t-1\t99\n4\t200\t20\n');
    expect([...log]).toEqual([10, 20, 30]);
    const text =
      'requests: 4 total, 4 started, 4 done, 3 succeeded, 1 failed, 0 errored, 0 timeout\nstatus codes: 3 2xx\n';
    expect(parseH2load(text, log, 2)).toMatchObject({
      requests: 3,
      errors: 1,
      latency: { p50: 20, p99: 30 },
    });
  });

  it('our own load', () => {
    const line =
      '{"seconds":2,"requests":10,"errors":{"connect":1,"broken":0,"status":2,"timeout":0},"bytes":5,' +
      '"latency":{"p50":1.0,"p99":2.0,"p999":3.0,"max":4.0},"late":{"p50":0.1,"p999":0.2},"waiting":0,"cpu":0.5}\n';
    expect(parseLoad(line)).toEqual({
      seconds: 2,
      requests: 10,
      errors: 3,
      latency: { p50: 1, p99: 2, p999: 3, max: 4 },
      late: 0.2,
      cpu: 0.5,
    });
  });
});

describe('cores', () => {
  it('reads the kernel’s lists', () => {
    expect(parseCores('0-2,5,7-8\n')).toEqual([0, 1, 2, 5, 7, 8]);
    expect(parseCores('')).toEqual([]);
  });

  it('gives everybody a core of his own, or says why not', () => {
    expect(assign([0, 1, 2, 3])).toEqual({ proxy: 2, origin: 1, load: [0, 3], all: [0, 1, 2, 3] });
    expect(assign([0, 1])).toContain('this machine gives 2');
  });
});

it('the browser head is as long as its row says', () => {
  const { length } = requestText('browser', false);
  expect(length).toBeGreaterThan(600);
  expect(length).toBeLessThan(720);
});
