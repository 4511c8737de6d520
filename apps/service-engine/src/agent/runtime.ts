import { renameSync, writeFileSync } from 'node:fs';
import { hostPort, memberKey, type ServerVerdict } from '@spillway/health';
import type { Fragment, FragmentId, Placement, Snapshot, VirtualService } from '@spillway/snapshot';
import { VS, type Mapping } from '@spillway/telemetry';
import type { VipDistribution } from '@spillway/vip';
import type { Logger } from '../log/logger.js';
import { checkEpochs, Refused, type Candidate } from './candidate.js';
import { Claims } from './claims.js';
import { DrainCount } from './drain-count.js';
import { effectiveFragments } from './effective.js';
import { HealthBoard } from './health-board.js';
import { placementKeyOf } from './keys.js';
import { observe, sameObservation, type ObservedPlacement } from './placement-state.js';
import { SlotsExhausted, SlotTable, type SavedSlots } from './slot-table.js';
import type { WorkerLinks } from './worker-links.js';

export interface RuntimeOptions {
  mapping: Mapping;
  links: WorkerLinks;
  distribution: VipDistribution;
  /** Where the slots are kept for the next agent of this SE. */
  slotsFile: string;
  saved: { virtual_services: SavedSlots; servers: SavedSlots } | undefined;
  /** Keeps the snapshot; rejects when it cannot. */
  save: (snapshot: Snapshot) => Promise<void>;
  log: Logger;
  onPlacements: (changed: ObservedPlacement[]) => void;
  onServers: (changed: ServerVerdict[]) => void;
}

/** A placement that never served here, or is to serve from other servers, waits so long for a first round of checks. */
const FIRST_ROUND = 400;
/** Missing claims are tried again after so long, then ever less often. */
const RETRY = 500;
const MOST_RETRY = 5_000;
/** Milliseconds between two reports of nothing but the number of connections left. */
const COUNT_PAUSE = 100;
/** Every change is looked at when it comes; so often all is looked at, should one have been missed. */
const OBSERVE = 1_000;
/** What comes within so long is looked at together. */
const LOOK_PAUSE = 2;
/** Slots that nobody uses any more are looked for so often. */
const RECLAIM = 5_000;
/** No worker at all within so long is a failure. */
const WORKER_TIMEOUT = 20_000;

/** Brings a snapshot to life: slots, claims, health checks, workers; and says what has become of it. */
export class Runtime {
  readonly serviceSlots: SlotTable;
  readonly serverSlots: SlotTable;
  readonly #claims: Claims;
  readonly #health: HealthBoard;
  readonly #drains = new DrainCount();
  #accepted: Candidate | undefined;
  #handed: ReadonlyMap<FragmentId, Fragment> = new Map();
  #sequence = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #stopping = false;
  #waiters: (() => void)[] = [];
  /** When a placement that has not served yet was first asked to. */
  readonly #joining = new Map<string, number>();
  readonly #served = new Set<string>();
  readonly #observed = new Map<string, ObservedPlacement>();
  readonly #holders = new Map<string, string>();
  readonly #timer: ReturnType<typeof setInterval>;
  #retry = { at: 0, pause: RETRY };
  #reclaimAt = 0;
  #look: { timer: ReturnType<typeof setTimeout>; due: number } | undefined;
  /** When each placement was last told of. */
  readonly #toldAt = new Map<string, number>();
  #againDue = false;
  #observeAt = 0;
  #recovering: boolean;

  constructor(private readonly options: RuntimeOptions) {
    const { mapping, saved } = options;
    this.#recovering = saved !== undefined;
    this.serviceSlots = new SlotTable(
      mapping.layout.virtualServices,
      'virtual services',
      saved?.virtual_services,
    );
    this.serverSlots = new SlotTable(mapping.layout.servers, 'servers', saved?.servers);
    this.#claims = new Claims(options.distribution, options.log.part('vip'));
    this.#health = new HealthBoard(mapping, this.serverSlots, saved !== undefined, (verdicts) => {
      options.onServers(verdicts);
      for (const call of this.#waiters.splice(0)) call();
      this.#lookSoon();
    });
    this.#timer = setInterval(() => this.#tick(), 100);
  }

  /** The snapshot that is accepted and live, or about to be. */
  get candidate(): Candidate | undefined {
    return this.#accepted;
  }

  get placements(): ObservedPlacement[] {
    return [...this.#observed.values()];
  }

  get servers(): ServerVerdict[] {
    return this.#health.verdicts();
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
      this.#assignSlots(next.snapshot);
      this.#accepted = next;
      this.#takeOver(next.snapshot);
      this.#health.configure(next.snapshot);
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

  /** Open client connections over all workers. */
  connectionsOf(uuid: string): number {
    const slot = this.serviceSlots.get(uuid);
    if (slot === undefined) return 0;
    return this.options.mapping.serviceTotals(slot).counters[VS.CONNECTIONS_ACTIVE] ?? 0;
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

  #assignSlots(snapshot: Snapshot): void {
    const { mapping, slotsFile } = this.options;
    const services = new Set(snapshot.virtual_services.map((v) => v.uuid));
    const servers = new Set(snapshot.pools.flatMap((p) => p.servers.map((s) => memberKey(p.uuid, s))));
    const sequence = this.#sequence + 1;
    try {
      for (const slot of this.serviceSlots.assign(services, sequence)) mapping.clearService(slot);
      for (const slot of this.serverSlots.assign(servers, sequence)) mapping.clearServer(slot);
    } catch (error) {
      if (error instanceof SlotsExhausted) throw new Refused(error.code, error.message);
      throw error;
    }
    mapping.setUsed(this.serviceSlots.used, this.serverSlots.used);
    const saved = { virtual_services: this.serviceSlots.save(), servers: this.serverSlots.save() };
    writeFileSync(`${slotsFile}.new`, JSON.stringify(saved), { mode: 0o600 });
    renameSync(`${slotsFile}.new`, slotsFile);
  }

  /** Hands over what the workers may run now, and waits until all of them do. `@throws {Refused}` */
  async #hand(next: Candidate): Promise<void> {
    const fragments = effectiveFragments(next, this.#handed, {
      claimOf: (key) => this.#claims.stateOf(key),
      mayServe: (key, service) => this.#mayServe(key, service),
      stopping: this.#stopping,
    });
    const sequence = ++this.#sequence;
    this.#handed = fragments;
    this.options.links.hand({
      sequence,
      epoch: next.snapshot.epoch,
      generation: next.snapshot.generation,
      fragments,
      slots: {
        virtual_services: new Map(this.serviceSlots.entries()),
        servers: new Map(this.serverSlots.entries()),
      },
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
    this.serviceSlots.left(sequence, performance.now());
    this.serverSlots.left(sequence, performance.now());
    for (const p of next.snapshot.placements)
      if (wasHandedActive(fragments, p)) {
        this.#served.add(placementKeyOf(p));
        this.#joining.delete(placementKeyOf(p));
      }
  }

  async #goBack(before: Candidate | undefined): Promise<void> {
    this.#accepted = before;
    if (before === undefined) return;
    this.#assignSlots(before.snapshot);
    this.#health.configure(before.snapshot);
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
    const now = performance.now();
    const wanted = new Map(snapshot.placements.map((p) => [placementKeyOf(p), p]));
    for (const [key, p] of wanted)
      if (p.state === 'drain' || this.#stopping) this.#drains.begin(key, now, p.drain_timeout);
      else this.#drains.end(key);
    for (const key of this.#observed.keys())
      if (!wanted.has(key)) {
        this.#observed.delete(key);
        this.#toldAt.delete(key);
        this.#drains.end(key);
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
    const uuids = new Set(serving.map((p) => services.get(p.virtual_service_uuid)?.pool_uuid));
    const pools = snapshot.pools.filter((pool) => uuids.has(pool.uuid));
    const deadline = performance.now() + FIRST_ROUND;
    await this.#until(
      () => performance.now() >= deadline || pools.every((pool) => this.#health.canServe(pool)),
    );
  }

  /** A virtual service joins when the health of its servers is known, or could not be found out in time. */
  #mayServe(key: string, service: VirtualService | undefined): boolean {
    if (this.#served.has(key)) return true;
    const since = this.#joining.get(key) ?? performance.now();
    this.#joining.set(key, since);
    return this.#health.isChecked(service?.pool_uuid) || performance.now() - since >= FIRST_ROUND;
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
        this.#mayServe(placementKeyOf(p), services.get(p.virtual_service_uuid)),
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
    for (const call of this.#waiters.splice(0)) call();
    if (this.#joining.size > 0) this.#checkJoining();
    if (this.#joining.size > 0 || now >= this.#observeAt) this.#observe();
    if (now >= this.#reclaimAt) this.#reclaim(now);
    if (now < this.#retry.at) return;
    this.#retry = { at: now + this.#retry.pause, pause: Math.min(MOST_RETRY, this.#retry.pause * 2) };
    const drained = this.placements.some(
      (p) => p.state === 'drained' && this.#claims.stateOf(keyOf(p)).state === 'held',
    );
    if (this.#claims.unsettled || drained) this.#again(true);
  }

  #reclaim(now: number): void {
    const { mapping } = this.options;
    this.#reclaimAt = now + RECLAIM;
    this.serviceSlots.reclaim(
      now,
      (slot) => mapping.serviceTotals(slot).counters[VS.CONNECTIONS_ACTIVE] === 0,
    );
    this.serverSlots.reclaim(now, (slot) => mapping.activeOf(slot) === 0);
  }

  #isDrained(key: string): boolean {
    return this.#observed.get(key)?.state === 'drained';
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
    this.#observeAt = performance.now() + OBSERVE;
    // A worker that has just come and runs nothing yet changes nothing.
    const live = this.options.links.live.filter((link) => link.applied > 0);
    const { services } = candidate;
    const applied = live.length > 0 && live.every((link) => link.applied >= this.#sequence);
    const changed: ObservedPlacement[] = [];
    for (const placement of candidate.snapshot.placements) {
      const key = placementKeyOf(placement);
      const service = services.get(placement.virtual_service_uuid);
      const workers = live.map((link) => link.placements.get(key));
      this.#drains.see(
        key,
        performance.now(),
        workers.reduce((n, w) => n + (w?.connections ?? 0), 0),
      );
      this.#findHolder(key, workers.find((w) => w?.error?.code === 'EADDRINUSE')?.error);
      const next = observe({
        placement: this.#stopping ? { ...placement, state: 'drain' } : placement,
        enabled: service?.enabled === true,
        claim: this.#claims.stateOf(key),
        checked: this.#served.has(key) || this.#mayServe(key, service),
        workers,
        applied,
        holder: this.#holders.get(key) ?? '',
        connectionsReset: this.#drains.resetOf(key),
      });
      const before = this.#observed.get(key);
      if (before !== undefined && (sameObservation(before, next) || this.#isTooSoon(key, before, next)))
        continue;
      this.#observed.set(key, next);
      this.#toldAt.set(key, performance.now());
      changed.push(next);
    }
    if (changed.length > 0) this.options.onPlacements(changed);
  }

  /** In a drain the connections that are left change all the time: their number is told now and then. */
  #isTooSoon(key: string, before: ObservedPlacement, next: ObservedPlacement): boolean {
    if (!sameObservation({ ...before, connectionsLeft: next.connectionsLeft }, next)) return false;
    const left = (this.#toldAt.get(key) ?? 0) + COUNT_PAUSE - performance.now();
    if (left <= 0) return false;
    this.#lookSoon(left);
    return true;
  }

  #findHolder(key: string, error: { address: string; port: number } | undefined): void {
    if (error === undefined) this.#holders.delete(key);
    else if (!this.#holders.has(key)) {
      this.#holders.set(key, '');
      void this.options.distribution.holderOf(error.address, error.port).then((holder) => {
        if (this.#holders.has(key)) this.#holders.set(key, holder);
        return this.#observe();
      });
    }
  }
}

const keyOf = (p: ObservedPlacement): string =>
  placementKeyOf({ virtual_service_uuid: p.virtualServiceUuid, vip_id: p.vipId });

function wasHandedActive(fragments: ReadonlyMap<FragmentId, Fragment>, p: Placement): boolean {
  const fragment = fragments.get(`placement/${placementKeyOf(p)}`);
  return fragment?.type === 'placement' && fragment.body.state === 'active';
}
