import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Snapshot } from '@spillway/snapshot';
import {
  eventually,
  processTree,
  repository,
  RunningProcess,
  commandLine,
  type Netns,
  type Scope,
} from '@spillway/testing';

export const bun = join(repository, 'node_modules/bun/bin/bun.exe');
export const program = join(repository, 'apps/service-engine/dist/main.js');

/** The line that an engine prints when it serves, or cannot. */
export interface ReadyLine {
  ready: boolean;
  listeners?: string[];
  failures?: string[];
  metrics?: string;
}

/** `engine --snapshot` as a process of a test. */
export class Engine {
  private constructor(
    readonly process: RunningProcess,
    readonly file: string,
    readonly ready: ReadyLine,
  ) {}

  static async start(
    scope: Scope,
    snapshot: Snapshot,
    options: {
      workers?: number;
      netns?: Netns;
      env?: Record<string, string>;
      /** Files that each of its processes may open. */
      descriptors?: number;
    } = {},
  ): Promise<Engine> {
    const name = snapshot.settings.se_name;
    const file = join(await scope.tempDir(name), 'snapshot.json');
    writeFileSync(file, JSON.stringify(snapshot));
    const args = [program, 'engine', '--snapshot', file, '--workers', `${options.workers ?? 2}`];
    const { descriptors } = options;
    const limited = descriptors === undefined ? [] : [`--nofile=${descriptors}:${descriptors}`, bun];
    const running = await RunningProcess.start(
      scope,
      descriptors === undefined ? bun : 'prlimit',
      [...limited, ...args],
      {
        name,
        env: { SPILLWAY_FENCE_DIR: undefined, ...options.env },
        ...(options.netns && { netns: options.netns }),
      },
    );
    const line = await running.waitForOutput(/^\{"ready".*$/m, 20_000);
    return new Engine(running, file, JSON.parse(line[0]) as ReadyLine);
  }

  get pid(): number {
    return this.process.pid;
  }

  /** Pids of its processes of one kind, in the order of their index. */
  pids(kind: 'agent' | 'worker'): number[] {
    return processTree(this.pid)
      .map((p) => p.pid)
      .filter((pid) => commandLine(pid).includes(`main.js ${kind} `))
      .sort((a, b) => (commandLine(a) < commandLine(b) ? -1 : 1));
  }

  /** Resident memory of the whole tree, in bytes. */
  memory(): number {
    return processTree(this.pid).reduce((sum, p) => sum + p.rss, 0);
  }

  /** Writes another snapshot and makes the engine read it. */
  reread(snapshot: Snapshot): void {
    writeFileSync(this.file, JSON.stringify(snapshot));
    this.process.signal('SIGHUP');
  }

  /** The same, and resolves when that generation is live. */
  async reload(snapshot: Snapshot): Promise<void> {
    this.reread(snapshot);
    const live = `"generation":${snapshot.generation},"msg":"the snapshot is live"`;
    await eventually(() => this.process.output().includes(live), {
      what: `generation ${snapshot.generation} to be live\n${this.process.output().slice(-2000)}`,
      every: 2,
    });
  }

  async metrics(): Promise<Map<string, number>> {
    const text = await (await fetch(this.ready.metrics ?? '')).text();
    const samples = text.split('\n').filter((l) => l !== '' && !l.startsWith('#'));
    return new Map(
      samples.map((l): [string, number] => [
        l.slice(0, l.lastIndexOf(' ')),
        Number(l.slice(l.lastIndexOf(' '))),
      ]),
    );
  }

  /** The last that the log says about a placement. */
  placement(virtualService: string): Record<string, unknown> | undefined {
    const lines = this.process
      .output()
      .split('\n')
      .filter((l) => l.includes('"msg":"placement"') && l.includes(`virtualservice-${virtualService}"`));
    return lines.length === 0 ? undefined : (JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>);
  }
}
