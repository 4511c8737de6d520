import { statOf } from '../process/identity.js';
import { memoryLimit } from '../process/limits.js';

const TICKS_PER_SECOND = 100;

/** CPU and memory of all processes of an SE. */
export interface Usage {
  /** 100 is every worker busy all the time; the agent and the supervisor count too. */
  cpuPercent: number;
  memoryUsedBytes: number;
  memoryTotalBytes: number;
}

/** Measures what the processes of an SE use, from one call to the next. */
export class UsageMeter {
  #before = new Map<string, number>();
  #at = 0;

  constructor(
    /** Workers that make up the capacity. */
    private readonly workers: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  measure(pids: readonly number[]): Usage {
    const at = this.now();
    const ticks = new Map<string, number>();
    let memory = 0;
    let used = 0;
    for (const pid of pids) {
      const stat = statOf(pid);
      if (stat === undefined) continue;
      const key = `${pid}/${stat.startTime}`;
      ticks.set(key, stat.cpuTicks);
      memory += stat.residentBytes;
      used += stat.cpuTicks - (this.#before.get(key) ?? (this.#at === 0 ? stat.cpuTicks : 0));
    }
    const seconds = (at - this.#at) / 1000;
    const percent =
      this.#at === 0 || seconds <= 0 ? 0 : (used / TICKS_PER_SECOND / seconds / this.workers) * 100;
    this.#before = ticks;
    this.#at = at;
    return {
      cpuPercent: Math.min(100, Math.max(0, percent)),
      memoryUsedBytes: memory,
      memoryTotalBytes: memoryLimit(),
    };
  }
}
