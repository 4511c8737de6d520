import { originOf } from '@spillway/persistence';
import { placementKey, type Placement } from '@spillway/snapshot';
import { WORKER_F64, type Mapping } from '@spillway/telemetry';
import {
  PlaneConfigError,
  type DataPlane,
  type PlaneConfig,
  type PlaneOptions,
  type PlacementStatus,
} from './api.js';
import { Budget } from './core/budget.js';
import { Clock, TICK_MS } from './core/clock.js';
import type { ConnectionFacts } from './core/describe.js';
import { type RuleHits, takeRuleHits } from './core/rule-hits.js';
import { ClientConnection } from './core/connection.js';
import {
  commitServers,
  compile,
  disposeTls,
  nothingCompiled,
  roomsOf,
  slotOf,
  type Compiled,
} from './core/compile.js';
import type { PlaneContext } from './core/context.js';
import { DownWatch } from './core/down-watch.js';
import { Rooms } from './core/rooms.js';
import { RttSampler } from './core/rtt.js';
import { PlacementRuntime } from './core/placement.js';
import type { ServerRuntime } from './core/server.js';
import { ServiceRuntime } from './core/service.js';
import { firstLayer } from './layers.js';
import { protocolOf } from './server-protocols.js';
import type { Transport } from './transport/seam.js';
import { FlowSharing } from './udp/sharing.js';

/** Listeners that could not be opened are tried again every so many ticks. */
const RETRY_TICKS = 5;
/** So often everybody is asked what is held. */
const LOOK_TICKS = 5;

/**
 * Makes the data plane of worker `workerIndex`, with nothing to serve yet. It counts in that worker's block of the
 * mapping; who calls it has claimed the block and beats.
 */
export function createDataPlane(
  transport: Transport,
  mapping: Mapping,
  workerIndex: number,
  options: PlaneOptions = {},
): DataPlane {
  return new Plane(transport, mapping, workerIndex, options);
}

/** Flows of one worker, where nobody says how many sockets it may have. */
const MOST_FLOWS = 8192;

class Plane implements DataPlane {
  onStatus: (() => void) | null = null;

  private readonly context: PlaneContext;
  private readonly clock: Clock;
  private readonly stopTicking: () => void;
  private readonly downWatch: DownWatch;
  private compiled: Compiled = nothingCompiled();
  /** Hits of rules that have been replaced since they were last asked for. */
  private earlierHits: RuleHits[] = [];
  private readonly services = new Map<string, ServiceRuntime>();
  private readonly placements = new Map<string, PlacementRuntime>();
  /** Servers of no pool any more that still have connections. */
  private leaving: ServerRuntime[] = [];
  private work: Promise<void> = Promise.resolve();
  private ticks = 0;
  private stopping = false;
  private waiting: (() => void)[] = [];

  constructor(transport: Transport, mapping: Mapping, workerIndex: number, options: PlaneOptions) {
    this.clock = new Clock(() => transport.now());
    const block = mapping.worker(workerIndex);
    this.context = {
      transport,
      clock: this.clock,
      mapping,
      block,
      protocolOf,
      f64: mapping.f64,
      u32: mapping.u32,
      rates: block.rates(),
      persistence: { table: block.persistence(), origin: 0 },
      rtt: new RttSampler(),
      rooms: new Rooms(transport),
      budget: new Budget(transport, options.mostQueued, options.mostSockets, () => this.context.flows.count),
      flows: {
        sharing: options.shared === undefined ? null : new FlowSharing(transport, options.shared),
        count: 0,
        most: options.mostFlows ?? MOST_FLOWS,
      },
    };
    this.downWatch = new DownWatch(mapping);
    transport.mostSockets = options.mostSockets ?? Infinity;
    this.stopTicking = transport.every(TICK_MS, { run: () => this.tick() });
  }

  apply(config: PlaneConfig): Promise<void> {
    const done = this.work.then(() => this.applyNow(config));
    this.work = done.catch(() => {}); // who called hears of it; the next call starts from what is live
    return done;
  }

  status(): PlacementStatus[] {
    return [...this.placements.values()].map((p) => p.status());
  }

  async drain(milliseconds: number): Promise<void> {
    this.stopping = true;
    for (const placement of this.placements.values()) placement.drain(milliseconds);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.push(resolve);
    this.tellDrained();
    await promise;
  }

  close(): void {
    this.stopping = true;
    for (const placement of this.placements.values()) placement.drain(0);
    const servers = [...this.compiled.servers.values(), ...this.leaving];
    for (const server of servers) server.state = 'disabled';
    for (const server of servers) server.enforce(0);
    this.stopTicking();
    this.context.rooms.close();
    this.context.flows.sharing?.close();
    this.tellDrained();
  }

  private async applyNow(config: PlaneConfig): Promise<void> {
    if (this.stopping)
      throw new PlaneConfigError('the data plane is being stopped and takes no configuration');
    const before = this.compiled;
    this.context.persistence.origin = originOf(config.snapshot.settings.se_uuid);
    const after = compile(this.context, config, before);
    // From here on nothing may fail: the swap is one synchronous step.
    this.compiled = after;
    for (const [uuid, policies] of before.policies)
      if (after.policies.get(uuid) !== policies)
        for (const row of takeRuleHits(uuid, policies)) this.earlierHits.push(row);
    const placed = this.commitServices(config);
    this.leaving = this.leaving.filter((s) => !after.servers.has(s.key));
    this.leaving.push(...commitServers(before, after, Date.now()));
    this.downWatch.watch([...after.pools.values()].map(({ pool }) => pool));
    const rooms = roomsOf(before, after);
    this.context.rooms.set(rooms.live);
    for (const room of rooms.left) room.dissolve();
    const gone = this.commitPlacements(placed);
    disposeTls(before, after);
    this.lookWhetherUp();
    await this.openListeners();
    this.closeUnwanted();
    for (const placement of gone) placement.drain(0);
    this.forgetFinished();
    this.tellStatus();
  }

  /** Gives every placed virtual service its configuration; those without placement keep what they had. */
  private commitServices(config: PlaneConfig): Placement[] {
    const most = this.context.mapping.layout.virtualServices;
    for (const { virtual_service_uuid: uuid } of config.snapshot.placements) {
      const slot = slotOf(config.slots.virtual_services, uuid, most, 'virtual service');
      const next = this.compiled.services.get(uuid)!;
      const service = this.services.get(uuid);
      if (service === undefined) this.services.set(uuid, new ServiceRuntime(this.context, uuid, slot, next));
      else {
        service.config = next;
        service.moveTo(slot);
      }
    }
    return config.snapshot.placements;
  }

  /** Starts and ends drains and takes in new placements; returns those that are gone. */
  private commitPlacements(placed: readonly Placement[]): PlacementRuntime[] {
    const keys = new Set(placed.map(placementKey));
    const gone: PlacementRuntime[] = [];
    for (const [key, placement] of this.placements) {
      if (keys.has(key) || placement.spec === null) continue;
      placement.spec = null;
      gone.push(placement);
    }
    for (const spec of placed) {
      const key = placementKey(spec);
      let placement = this.placements.get(key);
      if (placement === undefined) {
        const service = this.services.get(spec.virtual_service_uuid)!;
        placement = new PlacementRuntime(this.context, key, spec.vip_id, service, spec, firstLayer);
        this.placements.set(key, placement);
      }
      placement.spec = spec;
      const serves = spec.state === 'active' && placement.service.config.spec.enabled;
      if (serves) placement.undrain();
      else placement.drain(spec.drain_timeout);
    }
    return gone;
  }

  private async openListeners(): Promise<void> {
    for (const placement of this.placements.values()) if (!placement.settled) await placement.open();
  }

  private closeUnwanted(): void {
    for (const placement of this.placements.values()) if (!placement.settled) placement.closeUnwanted();
  }

  takeRuleHits(): RuleHits[] {
    const hits = this.earlierHits;
    this.earlierHits = [];
    for (const [uuid, policies] of this.compiled.policies)
      for (const row of takeRuleHits(uuid, policies)) hits.push(row);
    return hits;
  }

  *describe(virtualServiceUuid?: string): IterableIterator<ConnectionFacts> {
    const wanted = (uuid: string): boolean => virtualServiceUuid === undefined || uuid === virtualServiceUuid;
    for (const placement of this.placements.values())
      if (wanted(placement.service.uuid))
        for (let i = 0; i < placement.connections.length; i++) {
          const connection = placement.connections[i]!;
          if (connection instanceof ClientConnection) yield connection.describe();
        }
    for (const { spec, pool } of this.compiled.services.values())
      if (pool !== null && wanted(spec.uuid))
        for (const server of pool.servers) yield* server.describe(spec.uuid);
  }

  private tick(): void {
    this.clock.run();
    this.downWatch.tick();
    this.context.rooms.tick();
    this.settle();
    this.context.flows.sharing?.tick();
    if (this.lookWhetherUp()) this.settleListeners();
    if (++this.ticks % RETRY_TICKS === 0) this.retryListeners();
    this.lookAtBudget();
    if (this.ticks % 10 === 0) this.gauges();
    this.forgetFinished();
    this.tellStatus();
    this.tellDrained();
  }

  /** Makes what was counted visible to the readers of the mapping. */
  private settle(): void {
    this.context.rtt.tick();
    for (const service of this.services.values()) service.settle();
    for (const server of this.compiled.servers.values()) server.settle();
    for (const server of this.leaving) server.settle();
  }

  private retryListeners(): void {
    if (this.stopping || ![...this.placements.values()].some((p) => p.failed)) return;
    this.settleListeners();
  }

  private settleListeners(): void {
    this.work = this.work.then(() => this.openListeners()).then(() => this.closeUnwanted());
  }

  /** True: virtual services have come up, or gone down, that are listened for only while they are up. */
  private lookWhetherUp(): boolean {
    let changed = false;
    for (const placement of this.placements.values()) if (placement.lookWhetherUp()) changed = true;
    return changed;
  }

  /** Each look asks every connection: rarely as long as little waits in the sockets. */
  private lookAtBudget(): void {
    const { budget, transport } = this.context;
    const pressed =
      budget.exceeded || transport.queuedBytes() > budget.most / 4 || budget.used > budget.most / 4;
    if (pressed || this.ticks % LOOK_TICKS === 0) budget.look(this.holders());
  }

  private holders(): ClientConnection[] {
    const holders: ClientConnection[] = [];
    for (const placement of this.placements.values())
      for (const c of placement.connections) if (c instanceof ClientConnection) holders.push(c);
    return holders;
  }

  private gauges(): void {
    const { block, transport, budget } = this.context;
    block.setGauge(WORKER_F64.QUEUED_MOST, budget.most);
    block.setGauge(WORKER_F64.SHED, budget.shedCount);
    block.setGauge(WORKER_F64.SOCKETS, transport.openSockets() + this.context.flows.count);
    block.setGauge(WORKER_F64.SOCKETS_MOST, budget.mostSockets);
    try {
      block.setGauge(WORKER_F64.RSS_BYTES, process.memoryUsage.rss());
    } catch {
      // It reads a file: without a descriptor the last figure stays.
    }
    block.setGauge(WORKER_F64.QUEUED_BYTES, Math.max(budget.used, transport.queuedBytes()));
  }

  private forgetFinished(): void {
    for (const [key, placement] of this.placements) if (placement.finished) this.placements.delete(key);
    if (this.leaving.length > 0) this.leaving = this.leaving.filter((s) => !s.unused);
    for (const [uuid] of this.services)
      if (
        !this.compiled.services.has(uuid) &&
        ![...this.placements.values()].some((p) => p.service.uuid === uuid)
      )
        this.services.delete(uuid);
  }

  private tellStatus(): void {
    let dirty = false;
    for (const placement of this.placements.values()) {
      dirty ||= placement.dirty;
      placement.dirty = false;
    }
    if (dirty) this.onStatus?.();
  }

  private tellDrained(): void {
    if (this.waiting.length === 0) return;
    for (const placement of this.placements.values()) if (placement.connections.length > 0) return;
    for (const resolve of this.waiting) resolve();
    this.waiting = [];
  }
}
