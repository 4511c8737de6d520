import { canonical, type HealthMonitor, type Snapshot } from '@spillway/snapshot';
import {
  afterCheck,
  MAINTENANCE,
  nextDelay,
  serverVerdict,
  UNCHECKED,
  wantsQuickCheck,
  type MonitorState,
  type Verdict,
} from './monitor-state.js';
import { planChecks, type Member, type ProbePlan } from './plan.js';
import { probe as probeOverSockets, type Probe } from './probe.js';
import type { CheckResult, FailureCode } from './result.js';

/** What is known of one server in one pool. */
export interface ServerVerdict {
  /** `pool_uuid/address:port`. */
  key: string;
  poolUuid: string;
  server: string;
  verdict: Verdict;
  /** Why it is not up, from the monitor that says so. */
  failure?: { code: FailureCode; text: string; monitorUuid: string };
  /** Milliseconds since the epoch of Unix time. */
  changedAt: number;
  /**
   * It came up beside servers that were there before: it is new in its pool, enabled again, or back from down (pools
   * document, Connection Ramp). Servers that come with their pool, or were known to be up, do not.
   */
  joined: boolean;
}

/** The last check of one monitor on one server, for the operator who asks why. */
export interface LastCheck {
  monitorUuid: string;
  at: number;
  /** Milliseconds it took. */
  duration: number;
  result: CheckResult;
}

export interface HealthCheckerOptions {
  /** Called with what changed, also when only the reason did. */
  onChange: (verdicts: ServerVerdict[]) => void;
  /** Verdicts of an earlier life by `pool_uuid/address:port`; own checks replace them. */
  inherited?: ReadonlyMap<string, boolean>;
  probe?: Probe;
  /** Milliseconds since the epoch of Unix time. */
  now?: () => number;
  random?: () => number;
  /** Calls back after so many milliseconds, until it is cancelled. */
  after?: (milliseconds: number, call: () => void) => () => void;
  /** Checks that may be under way at once. */
  concurrency?: number;
}

interface MemberState {
  member: Member;
  monitors: Map<string, MonitorState>;
  failures: Map<string, { code: FailureCode; text: string }>;
  verdict: Verdict;
  changedAt: number;
  /** It came with its pool, or was known to be up, and has not been down since. */
  initial: boolean;
}

/** Servers of one pool: those of which nothing is known yet, and those that are up. */
interface Tally {
  unchecked: Set<MemberState>;
  up: Set<MemberState>;
}

interface Running {
  plan: ProbePlan;
  definition: string;
  members: Set<MemberState>;
  cancel: (() => void) | undefined;
  busy: boolean;
  /** It asked for a turn and waits for one. */
  queued: boolean;
  last: LastCheck | undefined;
}

/**
 * Runs the active monitors of one SE and keeps a verdict per server and pool. A change of configuration keeps the
 * verdicts of servers that stay, and checks at once what is new.
 */
export class HealthChecker {
  readonly #members = new Map<string, MemberState>();
  readonly #probes = new Map<string, Running>();
  readonly #waiting: Running[] = [];
  readonly #tallies = new Map<string, Tally>();
  #underWay = 0;
  #closed = false;
  #inherited: ReadonlyMap<string, boolean>;
  readonly #options: Required<Omit<HealthCheckerOptions, 'inherited'>>;

  constructor(options: HealthCheckerOptions) {
    this.#inherited = options.inherited ?? new Map();
    this.#options = {
      probe: probeOverSockets,
      now: Date.now,
      random: Math.random,
      after: (milliseconds, call) => {
        const timer = setTimeout(call, milliseconds);
        return () => clearTimeout(timer);
      },
      concurrency: 256,
      ...options,
    };
  }

  /** Takes over a snapshot: what is new is checked at once, what is gone is forgotten. */
  configure(snapshot: Snapshot): void {
    if (this.#closed) return;
    const plan = planChecks(snapshot);
    const pools = new Set([...this.#members.values()].map(({ member }) => member.poolUuid));
    for (const [key, state] of this.#members)
      if (!plan.members.has(key)) {
        this.#members.delete(key);
        this.#tally(state, true);
      }
    for (const [id, running] of this.#probes) {
      running.members.clear();
      if (!plan.probes.has(id)) this.#forget(id, running);
    }
    const changed: MemberState[] = [];
    for (const member of plan.members.values()) {
      const before = this.#members.get(member.key);
      const state =
        before === undefined ? this.#enter(member, !pools.has(member.poolUuid)) : this.#adopt(before, member);
      if (this.#judge(state) || before === undefined) changed.push(state);
      this.#tally(state);
    }
    for (const p of plan.probes.values()) this.#ensure(p);
    for (const state of this.#members.values())
      for (const id of state.member.probes.values()) this.#probes.get(id)?.members.add(state);
    for (const running of this.#probes.values())
      if (!running.busy && !running.queued && (running.last === undefined || quick(running)))
        this.#schedule(running, 0);
    this.#tell(changed);
  }

  /** Every verdict, in no particular order. */
  verdicts(): ServerVerdict[] {
    return [...this.#members.values()].map(verdictOf);
  }

  /** The last check of each monitor of a server, newest state. */
  lastChecks(key: string): LastCheck[] {
    const ids = this.#members.get(key)?.member.probes.values() ?? [];
    return [...ids].flatMap((id) => this.#probes.get(id)?.last ?? []);
  }

  /** Servers of a pool that are up. */
  up(poolUuid: string): number {
    return this.#tallies.get(poolUuid)?.up.size ?? 0;
  }

  /** Servers of a pool for which the first round is still under way. */
  unchecked(poolUuid: string): number {
    return this.#tallies.get(poolUuid)?.unchecked.size ?? 0;
  }

  /** Stops all checks; what is under way is ignored when it ends. */
  close(): void {
    this.#closed = true;
    for (const [id, running] of this.#probes) this.#forget(id, running);
    this.#members.clear();
    this.#tallies.clear();
    this.#waiting.length = 0;
  }

  #enter(member: Member, initial: boolean): MemberState {
    const known = this.#inherited.get(member.key);
    const state: MemberState = {
      member,
      monitors: new Map([...member.probes.keys()].map((uuid) => [uuid, UNCHECKED])),
      failures: new Map(),
      verdict: known === undefined ? 'unknown' : known ? 'up' : 'down',
      changedAt: this.#options.now(),
      initial: known ?? initial,
    };
    this.#members.set(member.key, state);
    return state;
  }

  #adopt(state: MemberState, member: Member): MemberState {
    state.member = member;
    for (const uuid of state.monitors.keys())
      if (!member.probes.has(uuid)) {
        state.monitors.delete(uuid);
        state.failures.delete(uuid);
      }
    for (const uuid of member.probes.keys())
      if (!state.monitors.has(uuid)) state.monitors.set(uuid, UNCHECKED);
    return state;
  }

  #ensure(plan: ProbePlan): void {
    const definition = canonical(plan.monitor);
    const running = this.#probes.get(plan.id);
    if (running === undefined) {
      this.#probes.set(plan.id, {
        plan,
        definition,
        members: new Set(),
        cancel: undefined,
        busy: false,
        queued: false,
        last: undefined,
      });
    } else if (running.definition === definition) {
      running.plan = plan;
    } else {
      // The monitor was edited: its old answers say nothing about the new question, the verdict stays till then.
      this.#forget(plan.id, running);
      this.#ensure(plan);
    }
  }

  #forget(id: string, running: Running): void {
    running.cancel?.();
    running.cancel = undefined;
    running.members.clear();
    this.#probes.delete(id);
  }

  #schedule(running: Running, delay: number): void {
    running.cancel?.();
    running.cancel = this.#options.after(delay, () => {
      running.cancel = undefined;
      running.queued = true;
      this.#waiting.push(running);
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#underWay < this.#options.concurrency) {
      const running = this.#waiting.shift();
      if (running === undefined) return;
      running.queued = false;
      if (!this.#isCurrent(running)) continue;
      void this.#check(running);
    }
  }

  async #check(running: Running): Promise<void> {
    this.#underWay++;
    running.busy = true;
    const began = this.#options.now();
    const result = await this.#options.probe(running.plan.monitor, running.plan.target);
    this.#underWay--;
    running.busy = false;
    this.#took(running, began, result);
    this.#pump();
  }

  #isCurrent(running: Running): boolean {
    return !this.#closed && this.#probes.get(running.plan.id) === running;
  }

  #took(running: Running, began: number, result: CheckResult): void {
    if (!this.#isCurrent(running)) return;
    const monitor = running.plan.monitor;
    const duration = this.#options.now() - began;
    running.last = { monitorUuid: monitor.uuid, at: began, duration, result };
    const changed = [...running.members].filter((state) => this.#count(state, monitor, result));
    const delay = nextDelay(quick(running), monitor.send_interval, this.#options.random());
    this.#schedule(running, Math.max(0, delay - duration));
    this.#tell(changed);
  }

  #count(state: MemberState, monitor: HealthMonitor, result: CheckResult): boolean {
    const before = state.monitors.get(monitor.uuid);
    if (before === undefined || (!result.ok && result.code === 'INCONCLUSIVE')) return false;
    const limits = !result.ok && result.code === 'MAINTENANCE' ? { ...monitor, ...MAINTENANCE } : monitor;
    state.monitors.set(monitor.uuid, afterCheck(before, result.ok, limits));
    const reason = state.failures.get(monitor.uuid);
    if (result.ok) state.failures.delete(monitor.uuid);
    else state.failures.set(monitor.uuid, { code: result.code, text: result.text });
    const turned = this.#judge(state);
    this.#tally(state);
    return turned || (state.verdict !== 'up' && !result.ok && reason?.code !== result.code);
  }

  #tally(state: MemberState, gone = false): void {
    const { poolUuid } = state.member;
    const tally = this.#tallies.get(poolUuid) ?? { unchecked: new Set(), up: new Set() };
    this.#tallies.set(poolUuid, tally);
    mark(tally.unchecked, state, !gone && state.verdict === 'unknown' && state.failures.size === 0);
    mark(tally.up, state, !gone && state.verdict === 'up');
    if (tally.unchecked.size === 0 && tally.up.size === 0) this.#tallies.delete(poolUuid);
  }

  /** Recomputes the verdict; true when it turned. */
  #judge(state: MemberState): boolean {
    const verdict = serverVerdict(state.verdict, [...state.monitors.values()], state.member.needed);
    if (verdict === state.verdict) return false;
    state.verdict = verdict;
    if (verdict === 'down') state.initial = false;
    state.changedAt = this.#options.now();
    return true;
  }

  #tell(states: MemberState[]): void {
    if (states.length > 0) this.#options.onChange(states.map(verdictOf));
  }
}

function mark<T>(set: Set<T>, member: T, belongs: boolean): void {
  if (belongs) set.add(member);
  else set.delete(member);
}

function quick(running: Running): boolean {
  for (const state of running.members) {
    const monitor = state.monitors.get(running.plan.monitor.uuid);
    if (monitor !== undefined && wantsQuickCheck(monitor)) return true;
  }
  return false;
}

function verdictOf(state: MemberState): ServerVerdict {
  const { member, verdict, changedAt } = state;
  const base = {
    key: member.key,
    poolUuid: member.poolUuid,
    server: member.server,
    verdict,
    changedAt,
    joined: verdict === 'up' && !state.initial,
  };
  const failed = verdict === 'up' ? undefined : state.failures.entries().next().value;
  return failed === undefined ? base : { ...base, failure: { ...failed[1], monitorUuid: failed[0] } };
}
