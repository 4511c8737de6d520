import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '@spillway/testing';
import { SERVER_NAME } from '../host/certificates.js';
import type { Cores } from '../host/cores.js';
import type { Native } from '../host/native.js';
import { counted, counting, type Counted } from '../host/perf.js';
import { cpuSeconds } from '../host/usage.js';
import { pathOf, writeRequest } from '../requests.js';
import { H2_STREAMS, type Workload } from '../workloads.js';
import { parseH2load, readH2Log } from './h2load.js';

/** What a load generator says of a run. Latency in microseconds. */
export interface Answers {
  seconds: number;
  requests: number;
  errors: number;
  latency: { p50: number; p99: number; p999: number };
  /** How far behind its schedule an open loop has sent; p99.9, microseconds. */
  late: number;
  /** Share of its core that the busiest process of the generator used. */
  cpu: number;
}

/** One run against one proxy. */
export interface Run extends Answers {
  /** Requests a second. */
  rps: number;
  /** Microseconds of CPU of the proxy per request. */
  cpuPerRequest: number;
  /** Thousands per request, of all processes of the proxy; NaN where nothing counts them. */
  kinstrUser: number;
  kinstrKernel: number;
  kcycles: number;
  /** Share of its core that the origin used. */
  originCpu: number;
}

/** Where a run is made and what it looks at. */
export interface Drive {
  native: Native;
  cores: Cores;
  /** For requests and counts. */
  dir: string;
  /** The process whose CPU share tells whether the servers had room. */
  originPid: number;
}

/** The part of a workload that a load generator needs. */
export type Load = Pick<Workload, 'application' | 'request' | 'connections' | 'closing'> & {
  /** Requests a second, whether answered or not; absent: as many as are answered. */
  rate?: number;
};

interface LoadLine {
  seconds: number;
  requests: number;
  errors: Record<string, number>;
  latency: Answers['latency'];
  late: { p999: number };
  waiting: number;
  cpu: number;
}

export function parseLoad(line: string): Answers {
  const { seconds, requests, errors, latency, late, cpu } = JSON.parse(line) as LoadLine;
  return {
    seconds,
    requests,
    errors: Object.values(errors).reduce((sum, n) => sum + n, 0),
    latency,
    late: late.p999,
    cpu,
  };
}

/** Sends `load` to `port` for some seconds and counts what `proxy` (pid of its root, pids of all) does meanwhile. */
export async function drive(
  { native, cores, dir, originPid }: Drive,
  load: Load,
  port: number,
  seconds: number,
  proxy: { pid: number; pids: readonly number[] },
): Promise<Run> {
  const counts = join(dir, 'perf.csv');
  const log = join(dir, 'h2load.log');
  const command =
    load.application === 'h2'
      ? h2load(cores, load, port, seconds, log)
      : ownLoad(native, cores, dir, load, port, seconds);
  const [program = '', ...args] = counting(counts, proxy.pids, command);
  const before = { proxy: cpuSeconds(proxy.pid), origin: cpuSeconds(originPid) };
  const { stdout } = await run(program, args, { timeout: (seconds + 30) * 1_000 });
  const answers =
    load.application === 'h2'
      ? parseH2load(stdout, readH2Log(readFileSync(log, 'utf8')), seconds)
      : parseLoad(stdout);
  const cpu = cpuSeconds(proxy.pid) - before.proxy;
  return {
    ...answers,
    rps: answers.requests / answers.seconds,
    cpuPerRequest: (cpu * 1e6) / answers.requests,
    ...perRequest(counted(counts), answers.requests),
    originCpu: (cpuSeconds(originPid) - before.origin) / answers.seconds,
  };
}

function ownLoad(
  native: Native,
  cores: Cores,
  dir: string,
  load: Load,
  port: number,
  seconds: number,
): string[] {
  const request = writeRequest(dir, load.request, load.closing);
  const options = [
    ...(load.closing ? ['--close'] : []),
    ...(load.application === 'tls' ? ['--tls', SERVER_NAME] : []),
    ...(load.rate === undefined ? [] : ['--rate', load.rate.toFixed(0)]),
  ];
  const where = [String(port), cores.load.join(','), String(load.connections), String(seconds), request];
  return [native.load, ...where, ...options];
}

function h2load(cores: Cores, load: Load, port: number, seconds: number, log: string): string[] {
  const pinned = ['taskset', '-c', cores.load.join(','), 'h2load', '-t', String(cores.load.length)];
  const what = ['-c', String(load.connections), '-m', String(H2_STREAMS), '-D', String(seconds)];
  return [...pinned, ...what, '--log-file', log, `http://127.0.0.1:${port}${pathOf(load.request)}`];
}

const perRequest = (c: Counted, requests: number): Pick<Run, 'kinstrUser' | 'kinstrKernel' | 'kcycles'> => ({
  kinstrUser: c.instructionsUser / requests / 1000,
  kinstrKernel: c.instructionsKernel / requests / 1000,
  kcycles: (c.cyclesUser + c.cyclesKernel) / requests / 1000,
});
