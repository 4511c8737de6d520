import { mkdirSync, rmSync } from 'node:fs';
import { createMapping, HEADER, sizeFor, WORKER_STATE, type Mapping } from '@spillway/telemetry';
import type { AgentReport, SupervisorOrder } from '../ipc/messages.js';
import type { Logger } from '../log/logger.js';
import { self, statOf } from '../process/identity.js';
import { UsageError, type Options } from '../settings/options.js';
import { BeatWatch, isToBeKilled, type Hung, type Watched } from './beat-watch.js';
import { Child } from './child.js';
import { Fence } from './fence.js';
import { Fleet } from './fleet.js';
import {
  connectionsAllowed,
  descriptorLimit,
  limitAdvice,
  mostSockets,
  queuedBudget,
  raiseDescriptorLimit,
  workerMemory,
} from '../process/limits.js';
import { removeRecord, runningSupervisor, writeRecord } from './record.js';
import { makeRuntimeDir, runtimeFiles } from './runtime-dir.js';

/** Until the settings of the SE group are known. */
const DEFAULT_FREQUENCY = 100;
const DEFAULT_COUNT = 6;
/** A worker that warms up or the agent that reads a large snapshot may be busy for longer than a beat. */
const PATIENCE = 5;
const START_TIMEOUT = 15_000;
/**
 * How long a worker's allocator keeps memory that was freed. Bun receives into a new buffer each time, up to 512 KiB;
 * with the allocator's own 10 ms these pages are given back and faulted in again all the time, which is a fifth of the
 * kernel's work on large bodies.
 */
const KEEP_FREED_MS = '30000';
/** Places in the mapping for workers that take over from others. */
const SPARE = 1;
/** Milliseconds of one clock tick in `/proc/PID/stat`. */
const TICK = 10;

type Report<T extends AgentReport['type']> = Extract<AgentReport, { type: T }>;

/**
 * Starts the agent and the workers of one SE, starts them again when they end, and kills the one that hangs. It does
 * nothing else, so that it never hangs itself.
 */
export class Supervisor {
  readonly #identity = self();
  readonly #runtimeDir = makeRuntimeDir();
  readonly #mapping: Mapping;
  readonly #agent: Child;
  readonly #workers: Child[];
  readonly #fleet: Fleet;
  /** CPU time of a process when it was first seen silent, by name. */
  readonly #silent = new Map<string, number>();
  #watch = new BeatWatch<string>(DEFAULT_FREQUENCY);
  #frequency = DEFAULT_FREQUENCY;
  #timeout = DEFAULT_FREQUENCY * DEFAULT_COUNT;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #fence: { settings: string; fence: Fence } | undefined;
  #metrics = '';
  #stopping = false;
  /** When each process was last started, by name. */
  readonly #started = new Map<string, number>();
  #finish: (code: number) => void = () => undefined;

  constructor(
    private readonly options: Options,
    main: string,
    args: readonly string[],
    private readonly log: Logger,
    /** Told when the first configuration is live, or cannot be. */
    private readonly onStarted: (report: Report<'started'>, metrics: string) => void,
  ) {
    const files = runtimeFiles(this.#runtimeDir);
    this.#mapping = createMapping(files.mapping, sizeFor(options.workers + SPARE));
    const env: Record<string, string | undefined> = {
      ...process.env,
      SPILLWAY_RUNTIME_DIR: this.#runtimeDir,
      SPILLWAY_SUPERVISOR: `${process.pid}`,
    };
    this.#agent = new Child(
      {
        name: 'agent',
        args: [main, 'agent', ...args],
        env,
        onMessage: (m) => this.#hear(m as AgentReport),
        onStart: () => this.#childStarted('agent'),
        onEnd: () => Atomics.store(this.#mapping.i32, HEADER.AGENT_PID, 0),
      },
      log,
    );
    const memory = options.workerMemory ?? workerMemory(options.workers);
    const queued = options.workerBuffers ?? queuedBudget(memory);
    const workerEnv = {
      MIMALLOC_PURGE_DELAY: KEEP_FREED_MS,
      ...env,
      SPILLWAY_QUEUED_BYTES: `${queued}`,
      // What carries traffic needs no secret.
      SPILLWAY_ENROLMENT_TOKEN: undefined,
    };
    this.#workers = Array.from(
      { length: options.workers + SPARE },
      (_, index) =>
        new Child(
          {
            name: `worker ${index}`,
            args: [main, 'worker', `${index}`],
            env: workerEnv,
            onStart: () => this.#childStarted(`worker ${index}`),
            onEnd: () => this.#mapping.retireWorker(index),
          },
          log,
        ),
    );
    this.#fleet = new Fleet({
      wanted: options.workers,
      mapping: this.#mapping,
      children: this.#workers,
      mostMemory: memory,
      log,
      stopWorker: (index) => this.#tellAgent({ type: 'stop_worker', index }),
    });
  }

  /** Runs the SE to its end. Resolves with the exit code. */
  async run(): Promise<number> {
    const { dir } = this.options;
    const other = dir === undefined ? undefined : runningSupervisor(dir);
    if (other !== undefined)
      throw new UsageError(`an SE runs in ${dir} already (pid ${other}): stop it first`);
    if (dir !== undefined) mkdirSync(dir, { recursive: true, mode: 0o700 });
    const finished = new Promise<number>((resolve) => {
      this.#finish = resolve;
    });
    process.on('SIGTERM', () => this.#stop('SIGTERM'));
    process.on('SIGINT', () => this.#stop('SIGINT'));
    process.on('SIGHUP', () => this.#hangUp());
    process.on('SIGUSR2', () => this.#fleet.replaceAll('SIGUSR2'));
    this.#setBeat(DEFAULT_FREQUENCY, DEFAULT_COUNT);
    await raiseDescriptorLimit();
    this.#sayLimits();
    this.#agent.start();
    this.#fleet.start();
    const code = await finished;
    await this.#end();
    return code;
  }

  #sayLimits(): void {
    const limit = descriptorLimit();
    this.log.info('limits', {
      descriptors: limit.soft,
      connections_per_worker: connectionsAllowed(mostSockets(limit)),
      worker_memory: this.options.workerMemory ?? workerMemory(this.options.workers),
    });
    for (const { text, command } of limitAdvice(this.options.workers)) this.log.warn(text, { command });
  }

  async #end(): Promise<void> {
    clearInterval(this.#ticker);
    for (const child of [this.#agent, ...this.#workers]) child.letEnd();
    await Promise.all([this.#agent, ...this.#workers].map(async (child) => child.end()));
    this.#fence?.fence.close();
    if (this.options.dir !== undefined) removeRecord(this.options.dir);
    rmSync(this.#runtimeDir, { recursive: true, force: true });
  }

  /** The first signal drains, the second ends at once. */
  #stop(signal: string): void {
    if (this.#stopping) {
      this.log.warn(`${signal} again: what is left is cut`);
      this.#finish(0);
      return;
    }
    this.log.info(`${signal}: draining`);
    this.#stopping = true;
    // An agent that is just being started again is told when it is up.
    if (this.#agent.pid !== 0) this.#tellAgent({ type: 'stop' });
    else if (this.#fence === undefined) this.#finish(0);
  }

  /** An SE on a file reads it again; one of a cluster has nothing to read and replaces its workers. */
  #hangUp(): void {
    if (this.options.snapshotFile === undefined) this.#fleet.replaceAll('SIGHUP');
    else this.#tellAgent({ type: 'reload' });
  }

  #tellAgent(order: SupervisorOrder): void {
    this.#agent.send(order);
  }

  #childStarted(name: string): void {
    this.#started.set(name, performance.now());
    if (name !== 'agent') this.#tellAgent({ type: 'workers', workers: this.#fleet.records() });
    this.#writeRecord();
  }

  #writeRecord(): void {
    if (this.options.dir === undefined) return;
    writeRecord(this.options.dir, {
      pid: this.#identity.pid,
      start_time: this.#identity.startTime,
      agent_pid: this.#agent.pid,
      workers: this.#fleet.records().map((w) => w.pid),
      metrics: this.#metrics,
    });
  }

  #hear(report: AgentReport): void {
    switch (report.type) {
      case 'settings':
        this.#setBeat(report.dp_hb_frequency, report.dp_hb_timeout_count);
        this.#setFence(report);
        if (this.#stopping) this.#tellAgent({ type: 'stop' });
        this.#tellAgent({ type: 'workers', workers: this.#fleet.records() });
        break;
      case 'metrics':
        this.#metrics = report.address;
        this.#writeRecord();
        break;
      case 'started':
        this.onStarted(report, this.#metrics);
        if (report.failures.length > 0 && this.options.snapshotFile !== undefined) this.#finish(1);
        break;
      case 'ended':
        this.log.info(`the SE ends: ${report.reason}`);
        this.#finish(0);
        break;
    }
  }

  #setBeat(frequency: number, count: number): void {
    this.#timeout = frequency * count;
    if (this.#ticker !== undefined && frequency === this.#frequency) return;
    this.#frequency = frequency;
    clearInterval(this.#ticker);
    this.#watch = new BeatWatch(frequency);
    this.#ticker = setInterval(() => this.#tick(), frequency);
  }

  #setFence({ fence_dir, se_uuid }: Report<'settings'>): void {
    const dir = this.options.fenceDir ?? fence_dir;
    const settings = { dir, seUuid: se_uuid, frequency: this.#frequency, timeout: this.#timeout };
    if (this.#fence?.settings === JSON.stringify(settings)) return;
    this.#fence?.fence.close();
    this.#fence = undefined;
    try {
      this.#fence = {
        settings: JSON.stringify(settings),
        fence: new Fence(settings, this.log.part('fence')),
      };
    } catch (error) {
      this.log.error('no peer can watch this SE: the fence directory cannot be used', { dir, error });
    }
  }

  #tick(): void {
    const now = performance.now();
    const watched = this.#watched(now);
    for (const hung of this.#watch.tick(now, watched)) {
      const child = this.#byName(hung.key);
      if (child !== undefined && this.#isHung(hung, child))
        child.kill(`no beat for ${Math.round(hung.silent)} ms`);
    }
    this.#noteSilent();
    this.#fleet.tick(now);
    try {
      this.#fence?.fence.tick(now);
    } catch (error) {
      this.log.error('the fence directory cannot be used', { error });
    }
  }

  #isHung(hung: Hung<string>, { pid }: Child): boolean {
    const stat = statOf(pid);
    // The first configuration of a cold worker may take long; one that is stopped meanwhile may listen already.
    const starting = hung.key !== 'agent' && !serves(this.#mapping.worker(indexOf(hung.key)).state);
    if (starting && stat?.state === 'R') return hung.silent >= START_TIMEOUT;
    const began = this.#silent.get(hung.key);
    const computed = stat === undefined || began === undefined ? undefined : (stat.cpuTicks - began) * TICK;
    const loading = hung.key !== 'agent' && this.#mapping.worker(indexOf(hung.key)).loading;
    return isToBeKilled(hung, stat?.state ?? '', computed, loading);
  }

  /** Remembers how much CPU those had used that have just missed a beat. */
  #noteSilent(): void {
    const silent = new Set(this.#watch.silent());
    for (const key of this.#silent.keys()) if (!silent.has(key)) this.#silent.delete(key);
    for (const key of silent) {
      const pid = this.#byName(key)?.pid ?? 0;
      if (this.#silent.has(key) || pid === 0) continue;
      const stat = statOf(pid);
      if (stat !== undefined) this.#silent.set(key, stat.cpuTicks);
    }
  }

  #byName(name: string): Child | undefined {
    return name === 'agent' ? this.#agent : this.#workers[indexOf(name)];
  }

  #watched(now: number): Watched<string>[] {
    const watched: Watched<string>[] = [];
    for (const [index, child] of this.#workers.entries()) {
      if (child.pid === 0) continue;
      const key = `worker ${index}`;
      const block = this.#mapping.worker(index);
      if (serves(block.state) && block.pid === child.pid) child.served();
      if (block.pid !== child.pid) watched.push(this.#startingOne(key, now));
      // While it warms up, and until it was given something to serve, it harms nobody by being slow.
      else
        watched.push({
          key,
          beat: block.beats,
          timeout: serves(block.state) || block.loading ? this.#timeout : START_TIMEOUT,
        });
    }
    if (this.#agent.pid !== 0) {
      const { i32 } = this.#mapping;
      const beat = Atomics.load(i32, HEADER.AGENT_BEAT);
      if (Atomics.load(i32, HEADER.AGENT_PID) !== this.#agent.pid)
        watched.push(this.#startingOne('agent', now));
      else watched.push({ key: 'agent', beat, timeout: this.#timeout * PATIENCE });
    }
    return watched;
  }

  /** Who has not come up yet cannot beat; it only must not take for ever. */
  #startingOne(key: string, now: number): Watched<string> {
    const overdue = now - (this.#started.get(key) ?? now) > START_TIMEOUT;
    return overdue ? { key, beat: -1, timeout: 0 } : { key, beat: now, timeout: START_TIMEOUT };
  }
}

const indexOf = (name: string): number => Number(name.slice('worker '.length));

const serves = (state: number): boolean => state >= WORKER_STATE.READY;
