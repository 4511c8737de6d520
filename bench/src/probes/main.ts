import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Netns, run, RunningProcess, sleep, withScope, type Scope } from '@spillway/testing';
import { build, type Native } from '../proxy/host/native.js';
import { provide } from '../proxy/host/packages.js';
import { ownSeconds } from '../proxy/host/usage.js';
import { describeMachine, load as machineLoad, machine } from '../report/machine.js';
import { none, type Row } from '../report/row.js';
import { markdownTable, plainTable } from '../report/table.js';
import { Engine } from './engine.js';
import { MONITORS, PORTS, type MonitorName } from './snapshot.js';

/*
 * What health checks cost an SE, and what they do to its traffic; see bench/README.md.
 *
 *   node bench/dist/probes/main.js [--servers N] [--seconds S] [--rounds N] [--slack F] [--json FILE] [--markdown]
 *
 * Exit code 0: the budgets are kept; 1: one is missed; 2: wrong use.
 */

/** Of one core, for 5,000 servers checked each second. */
const MOST_CPU = 25;
/** Of latency at p99 with checks, to that without. */
const MOST_P99 = 1.25;
/** Of the worker's CPU per request with checks, to that without. */
const MOST_WORK = 1.1;
/** Requests a second of the traffic beside the checks: a worker that has room. */
const RATE = 3_000;
const WARM = 3_000;

interface Options {
  servers: number;
  seconds: number;
  rounds: number;
  slack: number;
  json?: string;
  markdown: boolean;
}

function usage(message: string): never {
  console.error(
    `${message}\nusage: main.js [--servers N] [--seconds S] [--rounds N] [--slack F] [--json FILE] [--markdown]`,
  );
  process.exit(2);
}

function options(): Options {
  try {
    const { values } = parseArgs({
      options: {
        servers: { type: 'string', default: '5000' },
        seconds: { type: 'string', default: '10' },
        rounds: { type: 'string', default: '3' },
        slack: { type: 'string', default: '1' },
        json: { type: 'string' },
        markdown: { type: 'boolean', default: false },
      },
    });
    const number = (name: 'servers' | 'seconds' | 'rounds' | 'slack'): number => {
      const value = Number(values[name]);
      return value >= 1 ? value : usage(`--${name} ${values[name]}: a number from 1 is needed`);
    };
    return {
      servers: Math.min(5000, Math.round(number('servers'))),
      seconds: number('seconds'),
      rounds: Math.round(number('rounds')),
      slack: number('slack'),
      markdown: values.markdown,
      ...(values.json !== undefined && { json: values.json }),
    };
  } catch (error) {
    return usage((error as Error).message);
  }
}

/** One turn: checks of one kind, with traffic beside them. */
interface Turn {
  /** Percent of one core that the agent used. */
  cpu: number;
  checksPerSecond: number;
  failed: number;
  /** CPU of the worker per request, in microseconds. */
  perRequest: number;
  /** Of the traffic, in microseconds. */
  p50: number;
  p99: number;
  errors: number;
}

interface Bench {
  engine: Engine;
  native: Native;
  netns: Netns;
  request: string;
}

async function turn({ engine, native, netns, request }: Bench, seconds: number): Promise<Turn> {
  const [agent, worker] = [engine.part('agent'), engine.part('worker')];
  const before = await engine.made();
  const [cpuBefore, workerBefore, began] = [ownSeconds(agent), ownSeconds(worker), performance.now()];
  const args = [String(PORTS.vip), '0', '16', String(seconds), request, '--rate', String(RATE)];
  const { stdout } = await run(native.load, args, { netns, timeout: (seconds + 30) * 1000 });
  const passed = (performance.now() - began) / 1000;
  const cpu = ownSeconds(agent) - cpuBefore;
  const served = ownSeconds(worker) - workerBefore;
  const after = await engine.made();
  const said = JSON.parse(stdout) as {
    requests: number;
    latency: { p50: number; p99: number };
    errors: Record<string, number>;
  };
  return {
    cpu: (100 * cpu) / passed,
    checksPerSecond: (after.passed + after.failed - before.passed - before.failed) / passed,
    failed: after.failed - before.failed,
    perRequest: (1e6 * served) / said.requests,
    ...said.latency,
    errors: Object.values(said.errors).reduce((sum, n) => sum + n, 0),
  };
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? NaN;

async function bench(scope: Scope, { servers, seconds, rounds }: Options): Promise<Map<MonitorName, Turn[]>> {
  const missing = await provide(['gcc']);
  if (missing.size > 0) throw new Error([...missing.values()].join('; '));
  const netns = await Netns.create(scope, 'probes');
  await netns.sysctl('net.ipv4.ip_local_port_range', '20000 65535');
  const native = await build(scope);
  for (const port of [PORTS.probed, PORTS.served])
    await RunningProcess.start(scope, native.origin, ['--any', String(port)], {
      name: `origin ${port}`,
      netns,
    });
  const request = join(await scope.tempDir('request'), 'request');
  writeFileSync(request, 'GET /100 HTTP/1.1\r\nHost: bench.example\r\n\r\n');
  const engine = await Engine.start(scope, netns, servers);
  const turns = new Map<MonitorName, Turn[]>(MONITORS.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? MONITORS : MONITORS.toReversed()) {
      await engine.check(name);
      await sleep(WARM); // code is compiled, and the checks are spread over their second
      const measured = await turn({ engine, native, netns, request }, seconds);
      turns.get(name)!.push(measured);
      console.error(
        `${name}: ${measured.cpu.toFixed(1)} % of a core, ${measured.checksPerSecond.toFixed(0)} checks/s, p99 ${measured.p99} us`,
      );
    }
  return turns;
}

function rowsOf(turns: ReadonlyMap<MonitorName, Turn[]>, { servers, slack }: Options): Row[] {
  const of = (name: MonitorName, pick: (turn: Turn) => number): number => median(turns.get(name)!.map(pick));
  // The best round counts, so that neighbours of the machine do not.
  const best = (name: MonitorName): number => Math.min(...turns.get(name)!.map((t) => t.p99));
  const idle = { cpu: of('none', (t) => t.cpu), p99: best('none'), work: of('none', (t) => t.perRequest) };
  const wrong = [...turns.values()].flat().reduce((sum, t) => sum + t.errors, 0);
  const lost = [...turns.values()].flat().reduce((sum, t) => sum + t.failed, 0);
  const rows = MONITORS.filter((name) => name !== 'none').flatMap((name): Row[] => {
    const [cpu, rate, p99] = [of(name, (t) => t.cpu), of(name, (t) => t.checksPerSecond), best(name)];
    const work = of(name, (t) => t.perRequest);
    const each = (10_000 * (cpu - idle.cpu)) / rate;
    const allowed = (MOST_CPU * Math.max(servers, 500)) / 5000;
    return [
      {
        promise: `${servers} servers, ${name} monitor each second: the agent's share of a core`,
        budget: `<= ${allowed} %`,
        measured: `${cpu.toFixed(1)} % (${idle.cpu.toFixed(1)} % without); ${rate.toFixed(0)} checks/s, ${each.toFixed(0)} us each`,
        met: cpu <= allowed * slack,
        figures: { cpu, idle: idle.cpu, rate, each },
      },
      {
        promise: `${servers} servers, ${name} monitor each second: CPU of the worker per request beside them`,
        budget: `<= ${MOST_WORK} x without`,
        measured: `${work.toFixed(1)} us, ${idle.work.toFixed(1)} us without: ${(work / idle.work).toFixed(2)}`,
        met: work / idle.work <= MOST_WORK * slack,
        figures: { work, idle: idle.work, ratio: work / idle.work },
      },
      {
        promise: `${servers} servers, ${name} monitor each second: p99 of ${RATE} requests/s beside them, best round`,
        budget: `<= ${MOST_P99} x without`,
        measured: `${(p99 / 1000).toFixed(2)} ms, ${(idle.p99 / 1000).toFixed(2)} ms without: ${(p99 / idle.p99).toFixed(2)}`,
        met: p99 / idle.p99 <= MOST_P99 * slack,
        figures: { p99, idle: idle.p99, ratio: p99 / idle.p99 },
      },
    ];
  });
  return [...rows, none('requests that failed', wrong, 'all'), none('checks that failed', lost, 'all')];
}

const chosen = options();
if (!Netns.available) usage('the bench makes a network namespace: run this as root on Linux');
const where = machine();
const turns = await withScope('probes', (scope) => bench(scope, chosen));
where.loadAfter = machineLoad();
const rows = rowsOf(turns, chosen);
console.log(`${describeMachine(where)}\n\n${(chosen.markdown ? markdownTable : plainTable)(rows)}`);
if (chosen.json !== undefined)
  writeFileSync(
    chosen.json,
    JSON.stringify({ machine: where, rows, turns: Object.fromEntries(turns) }, undefined, 2),
  );
process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0;
