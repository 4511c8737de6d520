import { hasThreshold, type CheckResult, type Failure, type FailureCode } from './result.js';
import { afterCheck, serverVerdict, UNCHECKED, type MonitorState, type Verdict } from './monitor-state.js';
import type { Member } from './plan.js';
import { limitsFor, type LastCheck, type Running } from './schedule.js';

/**
 * Why a server is up: a good check has admitted a server that is new in its pool or was enabled again, or brought one
 * back from down; `kept` for all that were up before or came with their pool, and so are no newcomers among others.
 */
export type Became = 'admitted' | 'recovered' | 'kept';

/** What is known of one server in one pool. */
export interface ServerVerdict {
  /** `pool_uuid/address:port`. */
  key: string;
  poolUuid: string;
  server: string;
  verdict: Verdict;
  /** Meaningless while it is not up. */
  became: Became;
  /** Why it is not up, from the monitor that says so. */
  failure?: { code: FailureCode; text: string; sslCode?: string; monitorUuid: string };
  /** Milliseconds since the epoch of Unix time. */
  changedAt: number;
}

/** What one monitor says of a server, for people. */
export interface MonitorReport {
  readonly monitorUuid: string;
  readonly state: MonitorState['status'];
  /** Checks that passed and failed since the agent started, or the server came. */
  readonly passed: number;
  readonly failed: number;
  readonly last: LastCheck | undefined;
}

/** Checks of one monitor on one server that were made since they were taken last. */
export interface CheckCounts {
  readonly poolUuid: string;
  readonly server: string;
  readonly monitorUuid: string;
  readonly passed: number;
  readonly failed: number;
}

/** One monitor of one server in one pool. */
export class Watched {
  state: MonitorState = UNCHECKED;
  failure: Failure | null = null;
  passed = 0;
  failed = 0;
  /** How much of both was taken. */
  takenPassed = 0;
  takenFailed = 0;
  running: Running | null = null;

  constructor(
    readonly member: MemberState,
    readonly monitorUuid: string,
  ) {}

  /**
   * Takes over one check; true when what is to be said of the server may have changed.
   * @param own it was made here, and counts among those that passed or failed
   */
  count(result: CheckResult, own: boolean): boolean {
    if (this.running === null || (!result.ok && result.code === 'INCONCLUSIVE')) return false;
    const { monitor } = this.running.plan;
    if (own && result.ok) this.passed++;
    else if (own) this.failed++;
    const before = this.state;
    this.state = afterCheck(before, result.ok, limitsFor(monitor, result));
    const was = this.failure;
    this.failure = result.ok ? null : named(result, monitor.failed_checks);
    return before !== this.state || was?.code !== this.failure?.code;
  }
}

/** A time-out counts by its repetition ("response time-out with threshold violation"). */
const named = (failure: Failure, threshold: number): Failure =>
  threshold > 1 && hasThreshold(failure.code)
    ? { ...failure, text: `${failure.text}, ${threshold} times in a row` }
    : failure;

/** One server in one pool, with what its monitors say. */
export class MemberState {
  readonly monitors = new Map<string, Watched>();
  verdict: Verdict;
  became: Became;
  changedAt: number;
  /** What was told last, so that only news is told. */
  told = '';

  constructor(
    public member: Member,
    inherited: boolean | undefined,
    /** The pool is as new as the server. */
    private readonly withPool: boolean,
    now: number,
  ) {
    this.verdict = inherited === undefined ? 'unknown' : inherited ? 'up' : 'down';
    this.became = 'kept';
    this.changedAt = now;
    this.adopt(member);
  }

  /** Takes over what the configuration says now. */
  adopt(member: Member): void {
    this.member = member;
    for (const uuid of this.monitors.keys()) if (!member.probes.has(uuid)) this.monitors.delete(uuid);
    for (const uuid of member.probes.keys())
      if (!this.monitors.has(uuid)) this.monitors.set(uuid, new Watched(this, uuid));
  }

  /** Nothing is known yet, not even one failure. */
  get isUnchecked(): boolean {
    if (this.verdict !== 'unknown') return false;
    for (const w of this.monitors.values()) if (w.failure !== null) return false;
    return true;
  }

  /** Takes a verdict from elsewhere while there is none of its own; true when it did. */
  inherit(up: boolean, now: number): boolean {
    if (this.verdict !== 'unknown') return false;
    this.verdict = up ? 'up' : 'down';
    this.became = 'kept';
    this.changedAt = now;
    return this.isNews();
  }

  /** Recomputes the verdict; true when it turned. */
  judge(now: number): boolean {
    const states = [...this.monitors.values()].map((w) => w.state);
    const verdict = serverVerdict(this.verdict, states, this.member.needed);
    if (verdict === this.verdict) return false;
    if (verdict === 'up')
      this.became = this.verdict === 'down' ? 'recovered' : this.withPool ? 'kept' : 'admitted';
    this.verdict = verdict;
    this.changedAt = now;
    return true;
  }

  /** True when its verdict, or the reason for it, is not what was told last. */
  isNews(): boolean {
    const failed = this.failed();
    const now = `${this.verdict} ${failed?.monitorUuid ?? ''} ${failed?.failure?.code ?? ''} ${failed?.failure?.sslCode ?? ''}`;
    if (now === this.told) return false;
    this.told = now;
    return true;
  }

  toVerdict(): ServerVerdict {
    const { member, verdict, became, changedAt } = this;
    const base = {
      key: member.key,
      poolUuid: member.poolUuid,
      server: member.server,
      verdict,
      became,
      changedAt,
    };
    const failed = this.failed();
    if (failed === undefined) return base;
    const { code, text, sslCode } = failed.failure!;
    const failure = { code, text, monitorUuid: failed.monitorUuid };
    return { ...base, failure: sslCode === undefined ? failure : { ...failure, sslCode } };
  }

  /** The first monitor that says why it is not up. */
  private failed(): Watched | undefined {
    if (this.verdict === 'up') return undefined;
    let first: Watched | undefined;
    for (const w of this.monitors.values()) {
      if (w.failure === null) continue;
      if (w.state.status === 'down') return w;
      first ??= w;
    }
    return first;
  }
}
