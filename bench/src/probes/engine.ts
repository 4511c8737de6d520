import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  commandLine,
  eventually,
  processTree,
  repository,
  run,
  RunningProcess,
  type Netns,
  type Scope,
} from '@spillway/testing';
import { probesSnapshot, type MonitorName } from './snapshot.js';

const BUN = join(repository, 'node_modules/bun/bin/bun.exe');
const ENGINE = join(repository, 'apps/service-engine/dist/main.js');
const METRICS = '127.0.0.1:9100';

/** Checks that an SE has made. */
export interface Made {
  passed: number;
  failed: number;
}

/** An SE of one worker on a snapshot file, of which only the monitor changes. */
export class Engine {
  private generation = 1;

  private constructor(
    private readonly process: RunningProcess,
    private readonly file: string,
    private readonly servers: number,
    private readonly netns: Netns,
  ) {}

  static async start(scope: Scope, netns: Netns, servers: number): Promise<Engine> {
    const file = join(await scope.tempDir('probes'), 'snapshot.json');
    writeFileSync(file, JSON.stringify(probesSnapshot(servers, 'none', 1)));
    const process = await RunningProcess.start(
      scope,
      BUN,
      [ENGINE, 'engine', '--snapshot', file, '--workers', '1'],
      { name: 'the SE', netns, env: { SPILLWAY_FENCE_DIR: undefined, SPILLWAY_METRICS_LISTEN: METRICS } },
    );
    const [line] = await process.waitForOutput(/^\{"ready".*$/m, 30_000);
    if (!line.includes('"ready":true')) throw new Error(`the SE does not serve: ${line}`);
    return new Engine(process, file, servers, netns);
  }

  /** Has all servers checked in this way, and waits until they are. */
  async check(monitor: MonitorName): Promise<void> {
    this.generation++;
    writeFileSync(`${this.file}.new`, JSON.stringify(probesSnapshot(this.servers, monitor, this.generation)));
    renameSync(`${this.file}.new`, this.file);
    this.process.signal('SIGHUP');
    await eventually(
      async () => {
        const text = await this.metrics();
        const up = [...text.matchAll(/^spillway_server_up\{pool="pool-probed".*\} 1$/gm)].length;
        const live = text.includes(`spillway_se_generation ${this.generation}\n`);
        return (live && up === this.servers) || Promise.reject(new Error(`${up} servers are up`));
      },
      { within: 30_000, every: 200, what: `all servers to be up (${monitor})` },
    );
  }

  /** The pid of the process that checks, or of the one that serves. */
  part(name: 'agent' | 'worker'): number {
    const is = new RegExp(`\\b${name}\\b`);
    const found = processTree(this.process.pid).find(({ pid }) => is.test(commandLine(pid)));
    if (found === undefined) throw new Error(`the SE has no ${name}`);
    return found.pid;
  }

  async made(): Promise<Made> {
    const text = await this.metrics();
    const of = (result: string): number =>
      Number(
        new RegExp(`^spillway_se_health_checks_total\\{result="${result}"\\} (\\d+)$`, 'm').exec(text)?.[1],
      );
    return { passed: of('passed'), failed: of('failed') };
  }

  private async metrics(): Promise<string> {
    return (await run('curl', ['-sS', '-m', '10', `http://${METRICS}/metrics`], { netns: this.netns }))
      .stdout;
  }
}
