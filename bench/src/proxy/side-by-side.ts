import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nginxConf, originConf } from './confs.js';

/**
 * One Bun worker against one nginx worker, each on the same core, before the same servers. Runs take turns, in
 * reversed order every other round, so that a neighbour's load hits both.
 *
 *   node bench/dist/proxy/side-by-side.js [--rounds 4] [--seconds 3] [--connections 64] [--path /] [--close]
 *
 * Needs `nginx`, `wrk` and `taskset`; four cores: servers on 1, proxy on 2, clients on 0 and 3.
 */
const option = (name: string, otherwise: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : (process.argv[at + 1] ?? otherwise);
};
const rounds = Number(option('rounds', '4'));
const seconds = Number(option('seconds', '3'));
const connections = Number(option('connections', '64'));
const path = option('path', '/');
const close = process.argv.includes('--close');

interface Run {
  rps: number;
  p50: string;
  p99: string;
  /** Microseconds of CPU per request. */
  cpu: number;
  /** Thousands of instructions and of cycles per request, user and kernel; absent without `perf`. */
  perf?: { user: number; kernel: number; cycles: number };
  errors: string;
}

const dir = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
const children: ChildProcess[] = [];

async function freePort(): Promise<number> {
  const server = net.createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const { port } = server.address() as net.AddressInfo;
  server.close();
  return port;
}

async function until(probe: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 10_000; !(await probe());) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const answers = async (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}${path}`).then(
    (r) => r.ok,
    () => false,
  );

function start(core: string, command: string, args: string[]): ChildProcess {
  const child = spawn('taskset', ['-c', core, command, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  return child;
}

/** The process that does the work: nginx has it as the child of its master. */
function workerPid(child: ChildProcess, forks: boolean): number {
  if (!forks) return child.pid!;
  return Number(
    execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')[0],
  );
}

/** Seconds of CPU, user and kernel, that a process has used. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const EVENTS = 'instructions:u,instructions:k,cycles:u,cycles:k';

/** Counts what a process executes until the returned function is called. */
function watch(pid: number): () => Promise<Map<string, number>> {
  const child = spawn('perf', ['stat', '-x,', '-e', EVENTS, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let out = '';
  child.stderr.on('data', (d: Buffer) => (out += d.toString()));
  const ended = Promise.withResolvers<void>();
  child.once('close', () => ended.resolve());
  child.once('error', () => ended.resolve()); // no perf here
  return async () => {
    child.kill('SIGINT');
    await ended.promise;
    const fields = out.split('\n').map((line) => line.split(','));
    return new Map(fields.filter((f) => Number(f[0]) > 0).map((f) => [f[2] ?? '', Number(f[0])]));
  };
}

async function run(port: number, pid: number, length: number): Promise<Run> {
  const stop = watch(pid);
  const before = cpuSeconds(pid);
  const args = ['-c', '0,3', 'wrk', '-t2', `-c${connections}`, `-d${length}s`, '--latency'];
  if (close) args.push('-H', 'Connection: close');
  const child = spawn('taskset', [...args, `http://127.0.0.1:${port}${path}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (d: Buffer) => (out += d.toString()));
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('close', () => resolve());
  await promise;
  const found = (pattern: RegExp): string => pattern.exec(out)?.[1] ?? '';
  const cpu = cpuSeconds(pid) - before;
  const counted = await stop();
  const requests = Number(found(/(\d+) requests in/));
  const kilo = (event: string): number => (counted.get(event) ?? 0) / requests / 1000;
  return {
    rps: Number(found(/Requests\/sec:\s+([\d.]+)/)),
    p50: found(/\n\s+50%\s+(\S+)/),
    p99: found(/\n\s+99%\s+(\S+)/),
    cpu: (cpu * 1e6) / requests,
    ...(counted.size === 4
      ? {
          perf: {
            user: kilo('instructions:u'),
            kernel: kilo('instructions:k'),
            cycles: kilo('cycles:u') + kilo('cycles:k'),
          },
        }
      : {}),
    errors: (out.match(/Socket errors:.*|Non-2xx.*/g) ?? []).join(' '),
  };
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

async function main(): Promise<void> {
  chmodSync(dir, 0o755); // started by root, the workers of nginx are somebody else
  mkdirSync(join(dir, 'www'));
  writeFileSync(join(dir, 'www/10k'), Buffer.alloc(10_240, 'x'));
  writeFileSync(join(dir, 'www/1m'), Buffer.alloc(1 << 20, 'x'));
  const servers = [await freePort(), await freePort(), await freePort(), await freePort()];
  const ports = { nginx: await freePort(), spillway: await freePort() };
  writeFileSync(join(dir, 'origin.conf'), originConf(dir, servers));
  writeFileSync(join(dir, 'nginx.conf'), nginxConf(dir, ports.nginx, servers));
  start('1', 'nginx', ['-c', join(dir, 'origin.conf'), '-p', dir]);
  await until(() => answers(servers[0]!), 'the servers');
  const bun = fileURLToPath(new URL('../../../node_modules/.bin/bun', import.meta.url));
  const worker = fileURLToPath(new URL('./worker.js', import.meta.url));
  const nginx = start('2', 'nginx', ['-c', join(dir, 'nginx.conf'), '-p', dir]);
  const spillway = start('2', bun, [worker, String(ports.spillway), ...servers.map(String)]);
  await until(() => answers(ports.nginx), 'nginx');
  await until(() => answers(ports.spillway), 'the worker');
  const pids = { nginx: workerPid(nginx, true), spillway: workerPid(spillway, false) };
  const names = ['nginx', 'spillway'] as const;
  for (const name of names) await run(ports[name], pids[name], 2);
  const runs = { nginx: [] as Run[], spillway: [] as Run[] };
  for (let r = 0; r < rounds; r++)
    for (const name of r % 2 === 0 ? names : names.toReversed())
      runs[name].push(await run(ports[name], pids[name], seconds));
  console.log(
    `${cpus()[0]?.model}, ${connections} connections, ${path}${close ? ', new connection per request' : ''}`,
  );
  const perf = (r: Run): string =>
    r.perf === undefined
      ? ''
      : `${r.perf.user.toFixed(1)}k + ${r.perf.kernel.toFixed(1)}k instructions, ${r.perf.cycles.toFixed(1)}k cycles`;
  for (const name of names)
    for (const r of runs[name])
      console.log(
        `${name.padEnd(9)} ${r.rps.toFixed(0).padStart(7)}/s  p50 ${r.p50} p99 ${r.p99}  ${r.cpu.toFixed(1)} us CPU  ${perf(r)} ${r.errors}`,
      );
  const ratio = median(runs.spillway.map((s, i) => s.rps / runs.nginx[i]!.rps));
  const cpu = median(runs.spillway.map((s, i) => s.cpu / runs.nginx[i]!.cpu));
  const cycles = median(
    runs.spillway.map((r, i) => (r.perf?.cycles ?? 0) / (runs.nginx[i]!.perf?.cycles ?? 1)),
  );
  console.log(
    `spillway / nginx, median of rounds: ${ratio.toFixed(2)} x requests/s, ${cpu.toFixed(2)} x CPU, ${cycles.toFixed(2)} x cycles per request`,
  );
}

try {
  await main();
} finally {
  for (const child of children) child.kill('SIGTERM');
  rmSync(dir, { recursive: true, force: true });
}
