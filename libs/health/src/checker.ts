import type { Snapshot } from '@spillway/snapshot';
import { MemberState, type CheckCounts, type MonitorReport, type ServerVerdict } from './member-state.js';
import { planChecks, type Member, type ProbePlan } from './plan.js';
import type { MakeProbe } from './probe.js';
import type { CheckResult } from './result.js';
import { Running, Schedule } from './schedule.js';
import { decodeNews, goesBefore, type SharedResult } from './shared-news.js';
import { Wheel } from './wheel.js';

export interface HealthCheckerOptions {
  /** Called with what changed, also when only the reason did. */
  onChange: (verdicts: ServerVerdict[]) => void;
  /** How checks are made; the wheel is the one that they are timed by. */
  makeProbe: (wheel: Wheel) => MakeProbe;
  /** Called when the script of an external monitor has told how many tasks a server has. */
  onTasks?: (key: string, tasks: number) => void;
  /** How results of shared checks reach the other SEs of a virtual service; absent: nothing is shared. */
  sharing?: Sharing;
  /** Verdicts of an earlier life by `pool_uuid/address:port`; own checks replace them. */
  inherited?: ReadonlyMap<string, boolean>;
  /** Milliseconds since the epoch of Unix time. */
  now?: () => number;
  /** Milliseconds of a clock that never goes back. */
  clock?: () => number;
  random?: () => number;
  /** Calls back after so many milliseconds, until it is cancelled. */
  after?: (milliseconds: number, call: () => void) => () => void;
  /** Checks that may be under way at once, by sockets and by programs. */
  concurrency?: number;
  children?: number;
}

/** The way to the other SEs. */
export interface Sharing {
  readonly seUuid: string;
  /** What a check here has come to, for those that serve the virtual service too. */
  readonly tell: (virtualServiceUuid: string, news: SharedResult) => void;
}

/** Servers of one pool: those of which nothing is known yet, and those that are up. */
interface Tally {
  unchecked: Set<MemberState>;
  up: Set<MemberState>;
}

/** Beyond this the agent would run out of descriptors; who waits is checked later than planned. */
const CONCURRENCY = 8192;
const CHILDREN = 64;

/**
 * Runs the active monitors of one SE and keeps a verdict per server and pool. A change of configuration keeps the
 * verdicts of servers that stay, and checks at once what is new.
 */
export class HealthChecker {
  readonly #members = new Map<string, MemberState>();
  readonly #probes = new Map<string, Running>();
  readonly #shared = new Map<string, Running>();
  readonly #tallies = new Map<string, Tally>();
  readonly #wheel: Wheel;
  readonly #schedule: Schedule;
  readonly #inherited: Map<string, boolean>;
  readonly #onChange: (verdicts: ServerVerdict[]) => void;
  readonly #onTasks: ((key: string, tasks: number) => void) | undefined;
  readonly #now: () => number;
  readonly #sharing: Sharing | undefined;
  readonly #made = { passed: 0, failed: 0 };
  #closed = false;

  constructor(options: HealthCheckerOptions) {
    const { now = Date.now, clock = () => performance.now(), after = sleep } = options;
    this.#inherited = new Map(options.inherited);
    this.#onChange = options.onChange;
    this.#onTasks = options.onTasks;
    this.#now = now;
    this.#sharing = options.sharing;
    this.#wheel = new Wheel(clock, after);
    this.#schedule = new Schedule(
      this.#wheel,
      {
        makeProbe: options.makeProbe(this.#wheel),
        now,
        clock,
        random: options.random ?? Math.random,
        concurrency: options.concurrency ?? CONCURRENCY,
        children: options.children ?? CHILDREN,
      },
      (running, result, own) => this.#took(running, result, own),
    );
  }

  /** Takes over a snapshot: what is new is checked at once, what is gone is forgotten. */
  configure(snapshot: Snapshot): void {
    if (this.#closed) return;
    const plan = planChecks(snapshot);
    const pools = new Set<string>();
    for (const [key, state] of this.#members) {
      pools.add(state.member.poolUuid);
      if (plan.members.has(key)) continue;
      this.#members.delete(key);
      this.#tally(state, true);
    }
    for (const [id, running] of this.#probes) {
      running.watchers.length = 0;
      if (!plan.probes.has(id)) this.#forget(id, running);
    }
    for (const p of plan.probes.values()) this.#ensure(p);
    const changed = [...plan.members.values()].filter((member) => this.#take(member, pools));
    for (const running of this.#probes.values())
      if (!running.busy && !running.queued && (running.last === undefined || running.isQuick))
        this.#schedule.now(running);
    this.#tell(changed.map((member) => this.#members.get(member.key)!));
  }

  /** Every verdict, in no particular order. */
  verdicts(): ServerVerdict[] {
    return [...this.#members.values()].map((state) => state.toVerdict());
  }

  /** What each monitor of a server says, with its last check. */
  reports(key: string): MonitorReport[] {
    const monitors = this.#members.get(key)?.monitors.values() ?? [];
    return [...monitors].map(({ monitorUuid, state, passed, failed, running }) => ({
      monitorUuid,
      state: state.status,
      passed,
      failed,
      last: running?.last,
    }));
  }

  /** The servers of a pool that are checked, or up without a check. */
  serversOf(poolUuid: string): string[] {
    const found: string[] = [];
    for (const { member } of this.#members.values())
      if (member.poolUuid === poolUuid) found.push(member.server);
    return found;
  }

  /** Checks that were made since they were taken last. */
  takeCounts(): CheckCounts[] {
    const taken: CheckCounts[] = [];
    for (const { member, monitors } of this.#members.values())
      for (const w of monitors.values()) {
        const passed = w.passed - w.takenPassed;
        const failed = w.failed - w.takenFailed;
        if (passed === 0 && failed === 0) continue;
        w.takenPassed = w.passed;
        w.takenFailed = w.failed;
        const { poolUuid, server } = member;
        taken.push({ poolUuid, server, monitorUuid: w.monitorUuid, passed, failed });
      }
    return taken;
  }

  /** Checks that were made here and counted, since the start. */
  get made(): { readonly passed: number; readonly failed: number } {
    return this.#made;
  }

  /** Servers of a pool that are up. */
  up(poolUuid: string): number {
    return this.#tallies.get(poolUuid)?.up.size ?? 0;
  }

  /** Servers of a pool for which the first round is still under way. */
  unchecked(poolUuid: string): number {
    return this.#tallies.get(poolUuid)?.unchecked.size ?? 0;
  }

  /** Another SE tells of checks that are shared, see `Sharing`. */
  heard(fromSeUuid: string, items: readonly Uint8Array[]): void {
    const own = this.#sharing?.seUuid;
    if (own === undefined || own === fromSeUuid) return;
    for (const item of items)
      for (const { key, result } of decodeNews(item))
        if (goesBefore(fromSeUuid, own, key)) this.#shared.get(key)?.trust(result, fromSeUuid);
  }

  /** What another SE knows of servers of which nothing is known here yet; own checks replace it. */
  inherit(known: Iterable<readonly [key: string, up: boolean]>): void {
    const changed: MemberState[] = [];
    for (const [key, up] of known) {
      const state = this.#members.get(key);
      if (state === undefined || !state.inherit(up, this.#now())) continue;
      this.#tally(state);
      changed.push(state);
    }
    this.#tell(changed);
  }

  /** Stops all checks. */
  close(): void {
    this.#closed = true;
    this.#schedule.close();
    for (const [id, running] of this.#probes) this.#forget(id, running);
    this.#members.clear();
    this.#tallies.clear();
    this.#wheel.close();
  }

  /** A member as it is now; true when there is something to tell of it. */
  #take(member: Member, pools: ReadonlySet<string>): boolean {
    const now = this.#now();
    const before = this.#members.get(member.key);
    const state =
      before ?? new MemberState(member, this.#inherit(member.key), !pools.has(member.poolUuid), now);
    if (before === undefined) this.#members.set(member.key, state);
    else before.adopt(member);
    for (const w of state.monitors.values()) {
      w.running = this.#probes.get(member.probes.get(w.monitorUuid) ?? '') ?? null;
      w.running?.watchers.push(w);
    }
    state.judge(now);
    this.#tally(state);
    return state.isNews();
  }

  /** What an earlier life knew counts once: a server that goes and comes again is new. */
  #inherit(key: string): boolean | undefined {
    const known = this.#inherited.get(key);
    this.#inherited.delete(key);
    return known;
  }

  #ensure(plan: ProbePlan): void {
    const running = this.#probes.get(plan.id);
    if (running?.plan.definition === plan.definition) return;
    // The monitor was edited: its old answers say nothing about the new question, the verdict stays till then.
    if (running !== undefined) this.#forget(plan.id, running);
    const made = new Running(this.#schedule, plan);
    this.#probes.set(plan.id, made);
    if (plan.sharedKey !== '') this.#shared.set(plan.sharedKey, made);
  }

  #share(running: Running, result: CheckResult): void {
    const key = running.plan.sharedKey;
    if (this.#sharing === undefined || key === '' || (!result.ok && result.code === 'INCONCLUSIVE')) return;
    for (const uuid of new Set(running.watchers.flatMap((w) => w.member.member.virtualServices)))
      this.#sharing.tell(uuid, { key, result });
  }

  #forget(id: string, running: Running): void {
    this.#shared.delete(running.plan.sharedKey);
    this.#schedule.forget(running);
    this.#probes.delete(id);
  }

  #took(running: Running, result: CheckResult, own: boolean): void {
    if (this.#closed) return;
    if (own) {
      if (result.ok) this.#made.passed++;
      else this.#made.failed++;
      this.#share(running, result);
    }
    let changed: MemberState[] | undefined;
    for (const w of running.watchers) {
      if (result.ok && result.tasks !== undefined) this.#onTasks?.(w.member.member.key, result.tasks);
      if (!w.count(result, own)) continue;
      const state = w.member;
      state.judge(this.#now());
      this.#tally(state);
      if (state.isNews()) (changed ??= []).push(state);
    }
    if (changed !== undefined) this.#tell(changed);
  }

  #tally(state: MemberState, gone = false): void {
    const { poolUuid } = state.member;
    const tally = this.#tallies.get(poolUuid) ?? { unchecked: new Set(), up: new Set() };
    this.#tallies.set(poolUuid, tally);
    mark(tally.unchecked, state, !gone && state.isUnchecked);
    mark(tally.up, state, !gone && state.verdict === 'up');
    if (tally.unchecked.size === 0 && tally.up.size === 0) this.#tallies.delete(poolUuid);
  }

  #tell(states: MemberState[]): void {
    if (states.length > 0) this.#onChange(states.map((state) => state.toVerdict()));
  }
}

function mark<T>(set: Set<T>, member: T, belongs: boolean): void {
  if (belongs) set.add(member);
  else set.delete(member);
}

function sleep(milliseconds: number, call: () => void): () => void {
  const timer = setTimeout(call, milliseconds);
  return () => clearTimeout(timer);
}
