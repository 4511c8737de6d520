import { isMaintenance, type CheckResult } from './result.js';
import type { MakeProbe, Probe } from './probe.js';
import type { ProbePlan } from './plan.js';
import { MAINTENANCE, nextDelay, sharedDelay, wantsQuickCheck, type Pace } from './monitor-state.js';
import { trustFor } from './shared-news.js';
import { Timed, type Wheel } from './wheel.js';
import type { Watched } from './member-state.js';

/** The last check of one monitor on one server, for the operator who asks why. */
export interface LastCheck {
  /** Milliseconds since the epoch of Unix time. */
  readonly at: number;
  /** Milliseconds it took. */
  readonly duration: number;
  readonly result: CheckResult;
  /** The SE that made it, where it was another one. */
  readonly by?: string;
}

/** One probe on its schedule, for every server of a pool that wants it. */
export class Running extends Timed {
  readonly watchers: Watched[] = [];
  last: LastCheck | undefined;
  busy = false;
  /** It is its turn, and it waits for room. */
  queued = false;
  private pace: Pace = 'quick';
  private probe: Probe | null = null;
  private began = 0;
  private beganAt = 0;

  constructor(
    private readonly schedule: Schedule,
    public plan: ProbePlan,
  ) {
    super();
  }

  get isChild(): boolean {
    const { type } = this.plan.monitor.check;
    return type === 'ping' || type === 'external';
  }

  expired(): void {
    this.schedule.enqueue(this);
  }

  /** Something is still to be found out: the next check does not wait for the interval. */
  get isQuick(): boolean {
    if (this.plan.monitor.disable_quickstart === true) return false;
    return this.watchers.some((w) => wantsQuickCheck(w.state));
  }

  check(): void {
    const { schedule } = this;
    this.busy = true;
    this.began = schedule.options.clock();
    this.beganAt = schedule.options.now();
    this.probe ??= schedule.options.makeProbe(this.plan);
    this.probe.start(this.took);
  }

  forget(): void {
    this.schedule.wheel.clear(this);
    this.probe?.abandon();
    this.probe = null;
    this.watchers.length = 0;
  }

  private readonly took = (result: CheckResult): void => {
    const { schedule, plan } = this;
    this.busy = false;
    const duration = schedule.options.clock() - this.began;
    this.last = { at: this.beganAt, duration, result };
    schedule.ended(this, result);
    this.pace = this.paceAfter(result);
    schedule.wheel.set(this, Math.max(0, this.delay(plan.monitor.send_interval) - duration));
  };

  private delay(interval: number): number {
    const random = this.schedule.options.random();
    return this.plan.sharedKey !== '' && this.pace === 'steady'
      ? sharedDelay(interval, random)
      : nextDelay(this.pace, interval, random);
  }

  /** Another SE has made this check, and is the one to make it: this one waits for its next. */
  trust(result: CheckResult, by: string): void {
    if (this.busy) return;
    const { schedule, plan } = this;
    const { send_interval, receive_timeout } = plan.monitor;
    this.queued = false;
    this.pace = 'steady';
    this.last = { at: schedule.options.now(), duration: 0, result, by };
    schedule.heard(this, result);
    schedule.wheel.set(this, trustFor(send_interval, receive_timeout));
  }

  /** What this host itself is to blame for is not asked again in haste. */
  private paceAfter(result: CheckResult): Pace {
    const inconclusive = !result.ok && result.code === 'INCONCLUSIVE';
    if (!inconclusive && this.isQuick) return 'quick';
    return this.pace === 'quick' ? 'first' : 'steady';
  }
}

export interface ScheduleOptions {
  readonly makeProbe: MakeProbe;
  /** Milliseconds since the epoch of Unix time. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
  readonly random: () => number;
  /** Checks that may be under way at once; those that run a program count for themselves. */
  readonly concurrency: number;
  readonly children: number;
}

/** Checks that begin within one tick: thousands that are due together must not keep anything else waiting. */
const BURST = 200;

/** Makes checks when they are due, as many at once as there is room for. */
export class Schedule {
  private readonly waiting: Running[] = [];
  /** Those before it have been started. */
  private head = 0;
  private readonly waitingChildren: Running[] = [];
  private underWay = 0;
  private children = 0;
  private started = 0;
  private readonly refill: Timed;
  private closed = false;

  constructor(
    readonly wheel: Wheel,
    readonly options: ScheduleOptions,
    private readonly onResult: (running: Running, result: CheckResult, own: boolean) => void,
  ) {
    this.refill = new Refill(() => {
      this.started = 0;
      this.pump();
    });
  }

  /** Makes a check as soon as there is room, whenever it would have been due. */
  now(running: Running): void {
    this.wheel.clear(running);
    this.enqueue(running);
  }

  enqueue(running: Running): void {
    if (running.queued || running.busy || this.closed) return;
    running.queued = true;
    (running.isChild ? this.waitingChildren : this.waiting).push(running);
    this.pump();
  }

  /** A probe that is gone gives back its place. */
  forget(running: Running): void {
    running.queued = false;
    if (running.busy) {
      running.busy = false;
      this.release(running);
    }
    running.forget();
  }

  ended(running: Running, result: CheckResult): void {
    this.release(running);
    this.onResult(running, result, true);
    this.pump();
  }

  heard(running: Running, result: CheckResult): void {
    this.onResult(running, result, false);
  }

  close(): void {
    this.closed = true;
    this.wheel.clear(this.refill);
    this.waiting.length = 0;
    this.waitingChildren.length = 0;
  }

  private release(running: Running): void {
    if (running.isChild) this.children--;
    else this.underWay--;
  }

  private pump(): void {
    const { concurrency, children } = this.options;
    while (this.head < this.waiting.length && this.underWay < concurrency) {
      if (this.started >= BURST) break;
      const running = this.waiting[this.head++]!;
      if (!running.queued) continue;
      this.underWay++;
      this.begin(running);
    }
    if (this.head === this.waiting.length) {
      this.waiting.length = 0;
      this.head = 0;
    }
    while (this.waitingChildren.length > 0 && this.children < children) {
      const running = this.waitingChildren.shift()!;
      if (!running.queued) continue;
      this.children++;
      this.begin(running);
    }
  }

  private begin(running: Running): void {
    if (this.started++ === 0) this.wheel.set(this.refill, 1);
    running.queued = false;
    running.check();
  }
}

class Refill extends Timed {
  constructor(private readonly run: () => void) {
    super();
  }
  expired(): void {
    this.run();
  }
}

/** The thresholds that one result is counted by. */
export const limitsFor = (
  monitor: ProbePlan['monitor'],
  result: CheckResult,
): Pick<ProbePlan['monitor'], 'successful_checks' | 'failed_checks'> =>
  !result.ok && isMaintenance(result.code) ? { ...monitor, ...MAINTENANCE } : monitor;
