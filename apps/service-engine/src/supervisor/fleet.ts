import { WORKER_F64, WORKER_STATE, type Mapping, type WorkerBlock } from '@spillway/telemetry';
import type { WorkerRecord } from '../ipc/messages.js';
import type { Logger } from '../log/logger.js';
import type { Child } from './child.js';

/** A new worker that does not serve within so many milliseconds is given up; the old one goes on. */
const JOIN_TIMEOUT = 20_000;
/** An agent or worker that was busy is told again. */
const REMIND = 1_000;
/** What is left of a worker this long after it began to leave is killed, in milliseconds. */
const LEAVE_TIMEOUT = 300_000;
/** A worker that has grown too large is replaced at most so often. */
const MEMORY_PAUSE = 60_000;

type Role = 'idle' | 'serving' | 'joining' | 'leaving';

interface Replacement {
  readonly old: number;
  readonly fresh: number;
  readonly reason: string;
  readonly began: number;
  joined: number;
  told: number;
}

export interface FleetOptions {
  /** Workers that serve. The mapping has room for one more, which takes over while another leaves. */
  wanted: number;
  mapping: Mapping;
  /** One per place in the mapping. */
  children: readonly Child[];
  /** Resident bytes from which a worker is replaced. */
  mostMemory: number;
  log: Logger;
  /** Asks the agent to drain and end a worker. */
  stopWorker: (index: number) => void;
}

/**
 * The workers of an SE. A crashed one is started again in its place by its `Child`; one that is to go for another
 * reason is replaced gracefully: a new one starts in the spare place, warms up and listens, then the old one drains.
 */
export class Fleet {
  readonly #roles: Role[];
  readonly #queue: { index: number; reason: string }[] = [];
  #current: Replacement | undefined;
  #memoryAt = 0;

  constructor(private readonly options: FleetOptions) {
    this.#roles = options.children.map((_, index) => (index < options.wanted ? 'serving' : 'idle'));
  }

  start(): void {
    for (const [index, child] of this.options.children.entries())
      if (this.#roles[index] === 'serving') child.start();
  }

  /** What the agent is told; a place that nobody has is left out. */
  records(): WorkerRecord[] {
    return this.options.children.flatMap((child, index) =>
      this.#roles[index] === 'idle' ? [] : [{ index, pid: child.pid, restarts: child.restarts }],
    );
  }

  /** All that serve are replaced, one after the other. */
  replaceAll(reason: string): void {
    for (const [index, role] of this.#roles.entries()) if (role === 'serving') this.replace(index, reason);
  }

  /** Once for each worker, however often it is asked for. */
  replace(index: number, reason: string): void {
    if (this.#roles[index] !== 'serving' || this.#current?.old === index) return;
    if (!this.#queue.some((entry) => entry.index === index)) this.#queue.push({ index, reason });
  }

  /** Call on every beat. */
  tick(now: number): void {
    this.#watchMemory(now);
    if (this.#current === undefined) this.#begin(now);
    else if (this.#current.joined === 0) this.#join(this.#current, now);
    else this.#leave(this.#current, now);
  }

  #begin(now: number): void {
    const next = this.#queue.shift();
    const fresh = this.#roles.indexOf('idle');
    if (next === undefined || fresh < 0) return;
    const { log, children } = this.options;
    log.info(`worker ${next.index} is being replaced by worker ${fresh}: ${next.reason}`);
    this.#roles[fresh] = 'joining';
    this.#current = { old: next.index, fresh, reason: next.reason, began: now, joined: 0, told: 0 };
    children[fresh]!.start();
  }

  #join(current: Replacement, now: number): void {
    const { log, children, mapping } = this.options;
    const block = mapping.worker(current.fresh);
    if (isServing(block, children[current.fresh]!.pid)) {
      this.#roles[current.fresh] = 'serving';
      this.#roles[current.old] = 'leaving';
      current.joined = now;
      children[current.old]!.letEnd();
      this.#remind(current, now);
    } else if (now - current.began > JOIN_TIMEOUT) {
      log.error(`worker ${current.fresh} does not come up: worker ${current.old} goes on`);
      this.#roles[current.fresh] = 'idle';
      void children[current.fresh]!.end();
      this.#current = undefined;
    }
  }

  #leave(current: Replacement, now: number): void {
    const { log, children, mapping } = this.options;
    const old = children[current.old]!;
    if (old.pid === 0) {
      this.#roles[current.old] = 'idle';
      this.#current = undefined;
      log.info(`worker ${current.old} is replaced`, {
        joined_after_ms: Math.round(current.joined - current.began),
        gone_after_ms: Math.round(now - current.began),
      });
    } else if (now - current.joined > LEAVE_TIMEOUT) old.kill('it does not end');
    else if (mapping.worker(current.old).state !== WORKER_STATE.STOPPING) this.#remind(current, now);
  }

  #remind(current: Replacement, now: number): void {
    if (current.told !== 0 && now - current.told < REMIND) return;
    current.told = now;
    this.options.stopWorker(current.old);
  }

  #watchMemory(now: number): void {
    if (now - this.#memoryAt < 1_000) return;
    const { mapping, children, mostMemory } = this.options;
    for (const [index, role] of this.#roles.entries()) {
      const block = mapping.worker(index);
      const used = block.gauge(WORKER_F64.RSS_BYTES);
      if (role !== 'serving' || block.pid !== children[index]!.pid || used <= mostMemory) continue;
      this.#memoryAt = now + MEMORY_PAUSE;
      this.replace(index, `it uses ${mebibytes(used)} of ${mebibytes(mostMemory)}`);
      return;
    }
    this.#memoryAt = Math.max(this.#memoryAt, now);
  }
}

const isServing = (block: WorkerBlock, pid: number): boolean =>
  pid !== 0 && block.pid === pid && block.state === WORKER_STATE.READY;

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
