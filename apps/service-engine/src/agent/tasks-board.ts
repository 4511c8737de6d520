import type { Snapshot } from '@spillway/snapshot';
import { SERVER_STATE_F64, type Mapping } from '@spillway/telemetry';
import type { SlotTable } from './slot-table.js';

/** As published (`fewest_tasks_feedback_delay`). */
const DELAY = 10_000;
/** Checks are not made at exact intervals: what comes this much of the delay after the last counts as in time. */
const IN_TIME = 0.8;
/** Milliseconds within which what is told of several servers is made known together. */
const TOGETHER = 50;

/**
 * Takes over how many tasks servers have, for pools with fewest tasks, at most once per `tasks_feedback_delay`, and
 * writes it where the workers read it.
 */
export class TasksBoard {
  /** By pool. */
  #delays = new Map<string, number>();
  #publish: ReturnType<typeof setTimeout> | undefined;

  /** @param now monotonic milliseconds on the clock of all processes of the machine */
  constructor(
    private readonly mapping: Mapping,
    private readonly servers: SlotTable,
    private readonly now: () => number,
  ) {}

  configure({ pools }: Snapshot): void {
    this.#delays = new Map(
      pools
        .filter((p) => p.algorithm === 'fewest_tasks')
        .map((p) => [p.uuid, p.tasks_feedback_delay ?? DELAY]),
    );
  }

  /** @param key `pool_uuid/address:port` */
  told(key: string, tasks: number): void {
    const slot = this.servers.get(key);
    const delay = this.#delays.get(key.slice(0, key.indexOf('/')));
    if (slot === undefined || delay === undefined) return;
    const { f64 } = this.mapping;
    const state = this.mapping.stateF64(slot);
    const now = this.now();
    const last = f64[state + SERVER_STATE_F64.TASKS_AT]!;
    if (last !== 0 && now - last < IN_TIME * delay) return;
    f64[state + SERVER_STATE_F64.TASKS] = tasks;
    f64[state + SERVER_STATE_F64.TASKS_FROM] = tasks - this.mapping.requestsOf(slot);
    f64[state + SERVER_STATE_F64.TASKS_AT] = now;
    this.#publish ??= setTimeout(() => {
      this.#publish = undefined;
      this.mapping.publishHealth();
    }, TOGETHER);
  }

  close(): void {
    clearTimeout(this.#publish);
  }
}
