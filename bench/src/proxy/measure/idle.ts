import { eventually, RunningProcess, withScope } from '@spillway/testing';
import { fileLimit, ownKib } from '../host/usage.js';
import { startContestant } from '../peers/start.js';
import { portOf } from '../peers/ports.js';
import { writeRequest } from '../requests.js';
import { drive } from './drive.js';
import type { Bench, Measurement } from './measurement.js';

/** As many as each of them can take with the files that a process may open here, a server's connection for each. */
const CONNECTIONS = Math.min(10_000, Math.floor((fileLimit() - 1_000) / 2));
/** What is freed is given back at once, so that connections cannot live in memory which the warm-up has left. */
const EAGER = { MIMALLOC_PURGE_DELAY: '0' };
/** KiB per connection, in user space. */
const BUDGET = 1.5;

/** Memory that a proxy has of its own for clients which have had one response each and now say nothing. */
export const idle: Measurement = {
  about: `${CONNECTIONS} idle kept connections, memory in user space`,
  async run(bench) {
    const names = (['spillway', 'nginx', 'haproxy'] as const).filter(
      (name) => name === 'spillway' || !bench.missing.has(name),
    );
    const figures: Record<string, number> = {};
    for (const name of names) figures[name] = await perConnection(name, bench);
    const others = names.slice(1).map((name) => `${name} ${figures[name]!.toFixed(2)}`);
    const ours = figures['spillway']!;
    return {
      rows: [
        {
          promise: `${idle.about}, KiB each`,
          budget: `<= ${BUDGET}`,
          measured: `${ours.toFixed(2)}${others.length > 0 ? ` (${others.join(', ')})` : ''}`,
          met: ours <= BUDGET * bench.slack,
          figures,
        },
      ],
      figures: [],
      notes: [],
      raw: figures,
    };
  },
};

function perConnection(name: 'spillway' | 'nginx' | 'haproxy', bench: Bench): Promise<number> {
  return withScope(`bench-idle-${name}`, async (scope) => {
    const { where, setting, cores } = bench;
    const proxy = await startContestant(scope, name, { ...setting, env: EAGER });
    const memory = (): number => proxy.pids().reduce((sum, pid) => sum + ownKib(pid), 0);
    // What serving takes once is not what a connection takes.
    const warm = { application: 'http', request: 'small', connections: 64, closing: false } as const;
    const pids = { pid: proxy.pid, pids: proxy.pids() };
    await drive(where, warm, portOf(name, 'http'), 2, pids);
    const before = await settled(memory);
    const clients = await RunningProcess.start(
      scope,
      'sh',
      // `load --hold` ends with its standard input.
      [
        '-c',
        `sleep 100000 | exec "$@"`,
        'sh',
        where.native.load,
        String(portOf(name, 'http')),
        cores.load.join(','),
        String(CONNECTIONS),
        '1',
        writeRequest(where.dir, 'small', false),
        '--hold',
      ],
      { name: 'idle clients' },
    );
    await clients.waitForOutput(/holding\n[^]*holding/, 70_000);
    return ((await settled(memory)) - before) / CONNECTIONS;
  });
}

/** The memory when it has stopped changing: garbage is collected when a runtime finds the time. */
async function settled(memory: () => number): Promise<number> {
  let last = memory();
  let still = 0;
  return eventually(
    () => {
      const now = memory();
      still = Math.abs(now - last) <= 64 ? still + 1 : 0;
      last = now;
      return still >= 6 && now;
    },
    { within: 30_000, every: 500, what: 'memory to stop changing' },
  ).catch(() => last);
}
