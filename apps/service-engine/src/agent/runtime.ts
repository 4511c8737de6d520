import { hostPort, type CheckCounts, type MonitorReport, type ServerVerdict } from '@spillway/health';
import { machineNow } from '@spillway/proxy/bun';
import {
  type Fragment,
  type FragmentId,
  type Placement,
  poolsOf,
  type Snapshot,
  type VirtualService,
} from '@spillway/snapshot';
import type { Mapping } from '@spillway/telemetry';
import type { VipDistribution } from '@spillway/vip';
import type { Logger } from '../log/logger.js';
import type { PeerNews } from '../peer-news/peer-news.js';
import { CapacityBoard, type PoolCapacity } from './capacity-board.js';
import { checkEpochs, Refused, type Candidate } from './candidate.js';
import { Claims } from './claims.js';
import { effectiveFragments } from './effective.js';
import { HealthBoard } from './health-board.js';
import { placementKeyOf } from './keys.js';
import { KnownServers } from './known-servers.js';
import { PassiveBoard } from './passive-board.js';
import { PersistenceBoard } from './persistence-board.js';
import { type Deactivation, PrimaryBoard } from './primary-board.js';
import type { Throttle } from './passive-pool.js';
import { PlacementBoard } from './placement-board.js';
import type { ObservedPlacement } from './placement-state.js';
import { ServerStanding, type Ramping, type ToldTasks } from './server-standing.js';
import { SharedChecks } from './shared-checks.js';
import type { Slots } from './slots.js';
import type { WorkerLinks } from './worker-links.js';

export interface RuntimeOptions {
  mapping: Mapping;
  links: WorkerLinks;
  peerNews: PeerNews;
  seUuid: string;
  distribution: VipDistribution;
  slots: Slots;
  /** Keeps the snapshot; rejects when it cannot. */
  save: (snapshot: Snapshot) => Promise<void>;
  log: Logger;
  onPlacements: (changed: ObservedPlacement[]) => void;
  onServers: (changed: ServerVerdict[]) => void;
  /** The passive monitor holds servers back, otherwise than before or no more. */
  onThrottles: (changed: Throttle[]) => void;
}

/** A placement that never served here, or is to serve from other servers, waits so long for a first round of checks. */
const FIRST_ROUND = 400;
/** Missing claims are tried again after so long, then ever less often. */
const RETRY = 500;
const MOST_RETRY = 5_000;
/** Every change is looked at when it comes; so often all is looked at, should one have been missed. */
const OBSERVE = 1_000;
/** What comes within so long is looked at together. */
const LOOK_PAUSE = 2;
/** New clients are told to other SEs so often. */
const NEWS = 20;
/** Slots that nobody uses any more are looked for so often. */
const RECLAIM = 5_000;
/** No worker at all within so long is a failure. */
const WORKER_TIMEOUT = 20_000;

/** Brings a snapshot to life: slots, claims, health checks, workers; and says what has become of it. */
export class Runtime {
  readonly #claims: Claims;
  readonly #health: HealthBoard;
  readonly #known: KnownServers;
  readonly #passive: PassiveBoard;
  readonly persistence: PersistenceBoard;
  readonly #capacity: CapacityBoard;
  readonly #standing: ServerStanding;
  readonly #board: PlacementBoard;
  readonly #primaries: PrimaryBoard;
  #accepted: Candidate | undefined;
  #handed: ReadonlyMap<FragmentId, Fragment> = new Map();
  #sequence = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #stopping = false;
  #waiters: (() => void)[] = [];
  /** When a placement that has not served yet was first asked to. */
  readonly #joining = new Map<string, number>();
  readonly #served = new Set<string>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #newsTimer: ReturnType<typeof setInterval>;
  #retry = { at: 0, pause: RETRY };
  #reclaimAt = 0;
  #look: { timer: ReturnType<typeof setTimeout>; due: number } | undefined;
  #againDue = false;
  #observeAt = 0;
  #recovering: boolean;

  constructor(private readonly options: RuntimeOptions) {
    const { mapping, slots, distribution, log } = options;
    this.#recovering = slots.inherited;
    this.#claims = new Claims(distribution, log.part('vip'));
    this.#board = new PlacementBoard(
      (address, port) => distribution.holderOf(address, port),
      () => this.#lookSoon(),
    );
    const shared = new SharedChecks(options.seUuid, options.peerNews);
    this.#health = new HealthBoard(
      mapping,
      slots.servers,
      slots.inherited,
      machineNow,
      shared,
      (verdicts) => {
        options.onServers(verdicts);
        if (this.#primaries.look()) this.#again();
        for (const call of this.#waiters.splice(0)) call();
        this.#lookSoon();
      },
    );
    this.#primaries = new PrimaryBoard(
      (pool) => this.#health.isUp(pool),
      () => Date.now(),
    );
    this.#known = new KnownServers(this.#health, options.peerNews);
    this.#passive = new PassiveBoard(mapping, slots.servers, options.onThrottles, performance.now());
    this.persistence = new PersistenceBoard(mapping, options.peerNews, machineNow);
    this.#capacity = new CapacityBoard(mapping, slots.servers);
    this.#standing = new ServerStanding(mapping, slots.servers, machineNow);
    this.#timer = setInterval(() => this.#tick(), 100);
    this.#newsTimer = setInterval(() => this.persistence.tick(), NEWS);
  }

  /** The snapshot that is accepted and live, or about to be. */
  get candidate(): Candidate | undefined {
    return this.#accepted;
  }

  get placements(): ObservedPlacement[] {
    return this.#board.placements;
  }

  get servers(): ServerVerdict[] {
    return this.#health.verdicts();
  }

  /** Servers that the passive monitor holds back. */
  get throttles(): Throttle[] {
    return this.#passive.throttles();
  }

  /** Servers that ramp up. */
  get ramps(): Ramping[] {
    return this.#accepted === undefined ? [] : this.#standing.ramping(this.#accepted.snapshot);
  }

  /** What monitors have told of tasks. */
  get tasks(): ToldTasks[] {
    return this.#accepted === undefined ? [] : this.#standing.tasks(this.#accepted.snapshot);
  }

  /** What each monitor says of the servers of a pool, or of one of them. */
  monitorReports(poolUuid: string, server: string): ReadonlyMap<string, MonitorReport[]> {
    const all = this.#health.reports(poolUuid);
    if (server === '') return all;
    const one = all.get(server);
    return new Map(one === undefined ? [] : [[server, one]]);
  }

  /** Health checks that were made here since the start. */
  get checksMade(): { readonly passed: number; readonly failed: number } {
    return this.#health.made;
  }

  /** Checks that were made since they were taken last. */
  takeCheckCounts(): CheckCounts[] {
    return this.#health.takeCounts();
  }

  /** Primary pools of pool groups that went down here. */
  get deactivations(): readonly Deactivation[] {
    return this.#primaries.deactivated;
  }

  /** What the servers take, of pools whose capacity is estimated. */
  get capacities(): PoolCapacity[] {
    return this.#capacity.capacities(performance.now());
  }

  /**
   * Makes a snapshot live. Resolves when every live worker runs it and it is kept.
   *
   * @throws {Refused} when it cannot be run; what was live before is live still
   */
  apply(make: (before: Candidate | undefined) => Candidate): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#accepted;
      const next = make(before);
      checkEpochs(before?.snapshot, next.snapshot);
      this.options.slots.assign(next.snapshot, this.#sequence + 1);
      this.#accepted = next;
      this.#takeOver(next.snapshot);
      this.#health.configure(next.snapshot);
      this.#primaries.configure(next.snapshot);
      this.#passive.configure(next.snapshot);
      this.persistence.configure(next.snapshot);
      this.#capacity.configure(next.snapshot);
      this.#known.configure(next.snapshot);
      this.options.peerNews.follow(placedIn(next.snapshot));
      await this.#claims.prepare(next.snapshot, performance.now());
      await this.#healthKnown(next);
      this.#noteDrains(next.snapshot);
      this.#retry = { at: performance.now() + RETRY, pause: RETRY };
      try {
        await Promise.all([this.#save(next.snapshot), this.#hand(next)]);
      } catch (error) {
        await this.#goBack(before);
        throw error;
      }
      await this.#claims.settle(next.snapshot, (key) => this.#isDrained(key));
      this.#observe();
    });
  }

  /** Drains every placement within its own time-out and resolves when nothing is left. */
  async drain(): Promise<void> {
    await this.#inTurn(async () => {
      this.#stopping = true;
      if (this.#accepted === undefined) return;
      this.#noteDrains(this.#accepted.snapshot);
      await this.#hand(this.#accepted).catch((error: unknown) =>
        this.options.log.error('the workers could not be told to drain', { error }),
      );
    });
    await this.#until(() => this.#everythingDrained());
    this.#observe();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#newsTimer);
    clearTimeout(this.#look?.timer);
    this.#health.close();
    await this.#claims.close();
  }

  /** A worker came, went, or told something. */
  onWorkers(): void {
    for (const call of this.#waiters.splice(0)) call();
    this.#lookSoon();
  }

  /** `address:port` of every open listener. */
  listeners(): string[] {
    const rows = this.options.links.live.flatMap((link) => [...link.placements.values()]);
    return [...new Set(rows.flatMap((p) => p.listeners.map((l) => hostPort(l.address, l.port))))].sort();
  }

  /** A full disk must not keep a change from traffic; the SE would only restart with an older snapshot. */
  async #save(snapshot: Snapshot): Promise<void> {
    try {
      await this.options.save(snapshot);
    } catch (error) {
      this.options.log.error('the snapshot cannot be kept on disk', {
        generation: snapshot.generation,
        error,
      });
    }
  }

  /** The workers serve already when the agent is started again: nothing of that waits for a first round. */
  #takeOver(snapshot: Snapshot): void {
    if (!this.#recovering) return;
    this.#recovering = false;
    for (const p of snapshot.placements) if (p.state === 'active') this.#served.add(placementKeyOf(p));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Hands over what the workers may run now, and waits until all of them do. `@throws {Refused}` */
  async #hand(next: Candidate): Promise<void> {
    const fragments = effectiveFragments(next, this.#handed, {
      claimOf: (key) => this.#claims.stateOf(key),
      mayServe: (key, service) => this.#mayServe(key, next.snapshot, service),
      stopping: this.#stopping,
    });
    this.#primaries.into(fragments, this.#handed);
    const sequence = ++this.#sequence;
    this.#handed = fragments;
    this.options.links.hand({
      sequence,
      epoch: next.snapshot.epoch,
      generation: next.snapshot.generation,
      fragments,
      slots: this.options.slots.maps(),
    });
    const deadline = performance.now() + WORKER_TIMEOUT;
    await this.#until(() => {
      const { live } = this.options.links;
      for (const link of live)
        if (link.refused?.sequence === sequence)
          throw new Refused('WORKER_REFUSED', `worker ${link.index}: ${link.refused.reason}`);
      if (live.length === 0 && performance.now() > deadline)
        throw new Refused('NO_WORKER', `no worker is live after ${WORKER_TIMEOUT / 1000} s`);
      return live.length > 0 && live.every((link) => link.applied >= sequence);
    });
    this.options.slots.left(sequence, performance.now());
    for (const p of next.snapshot.placements)
      if (wasHandedActive(fragments, p)) {
        this.#served.add(placementKeyOf(p));
        this.#joining.delete(placementKeyOf(p));
      }
  }

  async #goBack(before: Candidate | undefined): Promise<void> {
    this.#accepted = before;
    if (before === undefined) return;
    this.options.slots.assign(before.snapshot, this.#sequence + 1);
    this.#health.configure(before.snapshot);
    this.#passive.configure(before.snapshot);
    this.persistence.configure(before.snapshot);
    this.#capacity.configure(before.snapshot);
    this.#known.configure(before.snapshot);
    this.options.peerNews.follow(placedIn(before.snapshot));
    await this.#claims.prepare(before.snapshot, performance.now());
    await Promise.all([this.#save(before.snapshot), this.#hand(before)]).catch((error: unknown) =>
      this.options.log.error('the last good configuration could not be restored', { error }),
    );
  }

  /** Resolves when the condition holds; looks again when a worker tells something, and on every tick. */
  async #until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
      });
  }

  #noteDrains(snapshot: Snapshot): void {
    for (const key of this.#board.expect(snapshot, this.#stopping, performance.now())) {
      this.#joining.delete(key);
      this.#served.delete(key);
    }
  }

  /**
   * Traffic that is served goes over to servers that were never checked (another pool, all servers replaced) only
   * when some of them are known to be up, or that could not be found out in time: until then the old ones serve.
   */
  async #healthKnown({ snapshot, services }: Candidate): Promise<void> {
    const serving = snapshot.placements.filter(
      (p) => p.state === 'active' && this.#served.has(placementKeyOf(p)),
    );
    const uuids = new Set(
      serving.flatMap((p) => {
        const service = services.get(p.virtual_service_uuid);
        return service === undefined ? [] : [...poolsOf(snapshot, service)];
      }),
    );
    const pools = snapshot.pools.filter((pool) => uuids.has(pool.uuid));
    const deadline = performance.now() + FIRST_ROUND;
    await this.#until(
      () => performance.now() >= deadline || pools.every((pool) => this.#health.canServe(pool)),
    );
  }

  /**
   * A virtual service joins when the health of its servers is known, or could not be found out in time, and what other
   * SEs know of it has come.
   */
  #mayServe(key: string, snapshot: Snapshot, service: VirtualService | undefined): boolean {
    if (this.#served.has(key)) return true;
    const since = this.#joining.get(key) ?? performance.now();
    this.#joining.set(key, since);
    if (service !== undefined && !this.options.peerNews.isSettled(service.uuid)) return false;
    const pools = service === undefined ? [] : [...poolsOf(snapshot, service)];
    return pools.every((uuid) => this.#health.isChecked(uuid)) || performance.now() - since >= FIRST_ROUND;
  }

  /** Hands over again when a placement that waited for its first round may join now. */
  #checkJoining(): void {
    const candidate = this.#accepted;
    if (candidate === undefined || this.#stopping) return;
    const { services } = candidate;
    const ready = candidate.snapshot.placements.some(
      (p) =>
        p.state === 'active' &&
        this.#joining.has(placementKeyOf(p)) &&
        !wasHandedActive(this.#handed, p) &&
        this.#claims.stateOf(placementKeyOf(p)).state === 'held' &&
        this.#mayServe(placementKeyOf(p), candidate.snapshot, services.get(p.virtual_service_uuid)),
    );
    if (ready) this.#again();
  }

  /** Hands over the accepted snapshot once more, under what holds now. */
  #again(onlyForClaims = false): void {
    if (this.#againDue) return;
    this.#againDue = true;
    void this.#inTurn(async () => {
      this.#againDue = false;
      const candidate = this.#accepted;
      if (candidate === undefined || this.#stopping) return;
      const claimed = await this.#claims.prepare(candidate.snapshot, performance.now());
      if (claimed || !onlyForClaims) await this.#hand(candidate);
      await this.#claims.settle(candidate.snapshot, (key) => this.#isDrained(key));
      this.#observe();
    }).catch((error: unknown) => this.options.log.error('handing over again failed', { error }));
  }

  #tick(): void {
    const now = performance.now();
    this.#passive.tick(now);
    this.#capacity.tick(now);
    for (const call of this.#waiters.splice(0)) call();
    if (this.#joining.size > 0) this.#checkJoining();
    if (this.#joining.size > 0 || now >= this.#observeAt) this.#observe();
    if (now >= this.#reclaimAt) {
      this.#reclaimAt = now + RECLAIM;
      this.options.slots.reclaim(now);
    }
    if (now < this.#retry.at) return;
    this.#retry = { at: now + this.#retry.pause, pause: Math.min(MOST_RETRY, this.#retry.pause * 2) };
    const drained = this.placements.some(
      (p) => p.state === 'drained' && this.#claims.stateOf(keyOf(p)).state === 'held',
    );
    if (this.#claims.unsettled || drained) this.#again(true);
  }

  #isDrained(key: string): boolean {
    return this.#board.stateOf(key) === 'drained' && this.options.links.leavingConnections(key) === 0;
  }

  #everythingDrained(): boolean {
    const { live } = this.options.links;
    return live.every(
      (link) =>
        link.applied >= this.#sequence &&
        [...link.placements.values()].every((p) => p.connections === 0 && p.listeners.length === 0),
    );
  }

  /** Many verdicts and reports come at once: they are looked at together. */
  #lookSoon(pause = LOOK_PAUSE): void {
    const due = performance.now() + pause;
    if (this.#look !== undefined && this.#look.due <= due) return;
    clearTimeout(this.#look?.timer);
    const timer = setTimeout(() => {
      this.#look = undefined;
      this.#checkJoining();
      this.#observe();
    }, pause);
    this.#look = { timer, due };
  }

  /** Works out the state of every placement and tells what changed. */
  #observe(): void {
    const candidate = this.#accepted;
    if (candidate === undefined) return;
    const now = performance.now();
    this.#observeAt = now + OBSERVE;
    const situation = {
      candidate,
      stopping: this.#stopping,
      sequence: this.#sequence,
      live: this.options.links.live,
      claimOf: (key: string) => this.#claims.stateOf(key),
      isChecked: (key: string, service: VirtualService | undefined) =>
        this.#mayServe(key, candidate.snapshot, service),
    };
    const { changed, pause } = this.#board.look(situation, now);
    if (pause !== undefined) this.#lookSoon(pause);
    if (changed.length > 0) this.options.onPlacements(changed);
  }
}

const placedIn = (snapshot: Snapshot): Set<string> =>
  new Set(snapshot.placements.map((p) => p.virtual_service_uuid));

const keyOf = (p: ObservedPlacement): string =>
  placementKeyOf({ virtual_service_uuid: p.virtualServiceUuid, vip_id: p.vipId });

function wasHandedActive(fragments: ReadonlyMap<FragmentId, Fragment>, p: Placement): boolean {
  const fragment = fragments.get(`placement/${placementKeyOf(p)}`);
  return fragment?.type === 'placement' && fragment.body.state === 'active';
}
