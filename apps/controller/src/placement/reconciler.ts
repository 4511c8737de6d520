import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { plan, type Plan, type VirtualService } from '@spillway/placement';
import { DataSource, type EntityManager } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import type { Operation } from '../database/entities/index.js';
import { EventService, type NewEvent } from '../event/index.js';
import { OperationFeed } from '../operation/operation-feed.js';
import { OperationRunner } from '../operation/operation-runner.js';
import { OperationStore, paramsOf } from '../operation/operation.store.js';
import { SeEvents } from '../se-channel/se-events.js';
import { ObjectCache, type Change } from '../store/index.js';
import { numberOf } from './fields.js';
import { recentFailure } from './recent-failure.js';
import { IdleSes } from './idle-ses.js';
import { startEvacuations } from './evacuation.js';
import { PlacementWriter } from './placement-writer.js';
import { ScaleWriter } from './scale-writer.js';
import { vipKey, WorldReader, type PlacementWorld } from './world-reader.js';

/** Everything is looked at this often, whatever news were lost. */
const SWEEP_MS = 5_000;
/** Changes that one look makes for one VIP before the next look: more means that it does not come to rest. */
const MOST_CHANGES = 8;

/** Kinds whose change can alter what is wanted anywhere. */
const FAR_REACHING = new Set([
  'serviceenginegroup',
  'serviceengine',
  'cloud',
  'controllerproperties',
  'networkprofile',
]);

/**
 * Compares, per virtual service, what is wanted with what is placed, and does the next thing (libs/placement, `plan`).
 * Level-triggered: it remembers nothing, and is woken by whatever may have changed the answer.
 */
@Injectable()
export class Reconciler implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger: Logger;
  private readonly idleSes: IdleSes;
  private readonly dirty = new Set<string>();
  private all = false;
  private running: Promise<void> | undefined;
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly subscriptions: (() => void)[] = [];

  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: ObjectCache,
    private readonly reader: WorldReader,
    private readonly writer: PlacementWriter,
    private readonly scales: ScaleWriter,
    private readonly operations: OperationStore,
    private readonly runner: OperationRunner,
    private readonly feed: OperationFeed,
    private readonly seEvents: SeEvents,
    private readonly events: EventService,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'placement' });
    this.idleSes = new IdleSes(cache, operations, dataSource);
  }

  onApplicationBootstrap(): void {
    const changes = this.cache.changes.subscribe((batch) => this.changed(batch));
    const ended = this.feed.changes.subscribe((uuid) => void this.operationChanged(uuid));
    const { seEvents } = this;
    this.subscriptions.push(
      () => changes.unsubscribe(),
      () => ended.unsubscribe(),
      seEvents.on('connected', () => this.wake()),
      seEvents.on('down', () => this.wake()),
      seEvents.on('stopping', () => this.wake()),
      seEvents.on('placementObserved', (e) => {
        if (e.observed === 'drained' || e.observed === 'failed') this.wake(e.vsUuid);
      }),
    );
    this.timer = setInterval(() => this.wake(), SWEEP_MS);
    this.timer.unref();
    this.wake();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    for (const end of this.subscriptions) end();
    await this.running;
  }

  /** Looks at a virtual service soon, or at all of them. */
  wake(vsUuid?: string): void {
    if (this.stopped) return;
    if (vsUuid === undefined) this.all = true;
    else this.dirty.add(vsUuid);
    this.running ??= this.work().finally(() => {
      this.running = undefined;
      if (!this.stopped && (this.all || this.dirty.size > 0)) this.wake([...this.dirty][0]);
    });
  }

  /** Resolves when there is nothing left to look at. */
  async idle(): Promise<void> {
    while (this.running) await this.running;
  }

  private changed(batch: readonly Change[]): void {
    for (const { kind, uuid } of batch) {
      if (FAR_REACHING.has(kind)) this.wake();
      else if (kind === 'virtualservice') this.wake(uuid);
      else if (kind === 'vsvip')
        for (const { object } of this.cache.referrers(uuid))
          if (object.kind === 'virtualservice') this.wake(object.uuid);
    }
  }

  private async operationChanged(uuid: string): Promise<void> {
    try {
      const op = await this.operations.find(uuid);
      if (op?.ended_at) this.wake(op.subject_uuid);
    } catch (err) {
      this.logger.warn({ err, operation: uuid }, 'could not read an operation; the sweep will');
    }
  }

  private async work(): Promise<void> {
    try {
      while (!this.stopped && (this.all || this.dirty.size > 0)) await this.round();
    } catch (err) {
      this.all = false;
      this.logger.error(
        { err },
        'could not compare what is wanted with what is placed; the sweep tries again',
      );
    }
  }

  /** One reading of the world; then each virtual service that needs something, under its own lock. */
  private async round(): Promise<void> {
    const everything = this.all;
    const asked = [...this.dirty];
    this.all = false;
    this.dirty.clear();
    const world = await this.reader.read();
    const active = new Map(
      (await this.operations.active()).map((op) => [vipKey(op.subject_uuid, op.vip_id), op]),
    );
    const uuids = everything
      ? new Set([...world.virtualServices.keys(), ...world.rows.map((r) => r.vs_uuid)])
      : new Set(asked);
    for (const uuid of uuids)
      if (this.needs(world, uuid, active)) {
        await this.reconcile(uuid, world).catch((err: unknown) =>
          this.logger.error({ err, virtual_service: uuid }, 'could not reconcile; the sweep tries again'),
        );
        if (this.stopped) return;
      }
    if (!everything) return;
    const started = [
      ...(await startEvacuations(world, this.cache, this.operations, this.dataSource)),
      ...(await this.idleSes.look(world)),
    ];
    for (const op of started) this.runner.wake(op);
  }

  private needs(world: PlacementWorld, uuid: string, active: ReadonlyMap<string, Operation>): boolean {
    const vs = world.virtualServices.get(uuid);
    if (vs !== undefined && vs.vips.some(({ vipId }) => !world.scales.has(vipKey(uuid, vipId)))) return true;
    if (vs !== undefined && this.scales.unsettled(world, vs)) return true;
    return vipsOf(world, vs, uuid).some((vipId) => {
      const op = active.get(vipKey(uuid, vipId));
      const next = plan(world, vs, uuid, vipId);
      if (op === undefined) return next.do !== 'nothing' && next.do !== 'await';
      return next.do === 'elect' || obsolete(op, next);
    });
  }

  private async reconcile(uuid: string, seen: PlacementWorld): Promise<void> {
    const wakes: string[] = [];
    await this.dataSource.transaction(async (manager) => {
      await this.writer.lock(manager, uuid);
      let world = await this.reader.refresh(manager, seen, uuid);
      const vs = world.virtualServices.get(uuid);
      if (vs === undefined) await manager.query('DELETE FROM vs_scale WHERE vs_uuid = $1', [uuid]);
      else await this.scales.settle(manager, world, vs);
      const active = new Map((await this.operations.activeOf(uuid, manager)).map((op) => [op.vip_id, op]));
      for (const vipId of vipsOf(world, vs, uuid))
        for (let i = 0; i < MOST_CHANGES; i++) {
          const next = plan(world, world.virtualServices.get(uuid), uuid, vipId);
          const changed = await this.act(manager, world, uuid, vipId, next, active.get(vipId), wakes);
          if (!changed) break;
          world = await this.reader.refresh(manager, world, uuid);
        }
    });
    for (const op of wakes) this.runner.wake(op);
  }

  /** Does the next thing for one VIP. True: the rows changed, ask again. */
  private async act(
    manager: EntityManager,
    world: PlacementWorld,
    uuid: string,
    vipId: string,
    next: Plan,
    op: Operation | undefined,
    wakes: string[],
  ): Promise<boolean> {
    if (next.do === 'elect') return this.elect(manager, world, uuid, vipId, next.seUuid);
    if (op !== undefined) {
      if (obsolete(op, next)) await this.giveUp(manager, op, wakes);
      return false;
    }
    if (next.do === 'forget' || next.do === 'retire') return this.clear(manager, world, uuid, vipId, next);
    if (next.do === 'start') await this.start(manager, uuid, vipId, next, wakes);
    return false;
  }

  private async elect(
    manager: EntityManager,
    world: PlacementWorld,
    vsUuid: string,
    vipId: string,
    seUuid: string,
  ): Promise<boolean> {
    const had = world.placements.some((p) => p.vsUuid === vsUuid && p.vipId === vipId && p.primary);
    const changed = await this.writer.makePrimary(manager, { vsUuid, vipId, seUuid });
    if (changed && had)
      await this.events.record(
        this.eventOf(
          vsUuid,
          'VS_SWITCHOVER',
          `service engine ${nameOf(world, seUuid)} took over as primary`,
          {
            to_se_uuid: seUuid,
          },
        ),
        manager,
      );
    return changed;
  }

  private async clear(
    manager: EntityManager,
    world: PlacementWorld,
    vsUuid: string,
    vipId: string,
    next: Extract<Plan, { do: 'forget' | 'retire' }>,
  ): Promise<boolean> {
    const group = this.cache.get(world.virtualServices.get(vsUuid)?.groupUuid ?? '');
    const drainMs = numberOf(group?.spec, 'vs_scalein_timeout', 30) * 1000;
    let changed = false;
    for (const seUuid of next.seUuids) {
      const key = { vsUuid, vipId, seUuid };
      const done =
        next.do === 'forget'
          ? await this.writer.remove(manager, key)
          : await this.writer.want(manager, key, 'drain', drainMs);
      changed ||= done;
      if (done && (next.do === 'retire' || !world.serviceEngines.has(seUuid)))
        await this.events.record(
          this.eventOf(
            vsUuid,
            'VS_REMOVED_SE',
            `service engine ${nameOf(world, seUuid)} is gone and was replaced`,
            {
              se_uuid: seUuid,
            },
          ),
          manager,
        );
    }
    return changed;
  }

  private async start(
    manager: EntityManager,
    vsUuid: string,
    vipId: string,
    next: Extract<Plan, { do: 'start' }>,
    wakes: string[],
  ): Promise<void> {
    const object = this.cache.get(vsUuid);
    if (object === undefined || (await recentFailure(manager, vsUuid, vipId))) return;
    const op = await this.operations.insert(manager, {
      type: next.type,
      subjectUuid: vsUuid,
      subjectName: object.name,
      tenantUuid: object.tenantUuid,
      vipId,
      params: {
        why: next.why,
        ...(next.fromSe === undefined ? {} : { from_se_uuid: next.fromSe }),
        ...(next.toSe === undefined ? {} : { to_se_uuid: next.toSe, to_named: true }),
        ...(next.standby === undefined ? {} : { standby: true }),
      },
      requestedBy: '',
    });
    if (op === undefined) return;
    this.logger.info(
      { operation: op.uuid, type: op.type, why: next.why, virtual_service: object.name, vip_id: vipId },
      'starts',
    );
    wakes.push(op.uuid);
  }

  /** The operation waits for something that is not wanted any more. */
  private async giveUp(manager: EntityManager, op: Operation, wakes: string[]): Promise<void> {
    const row = await this.operations.lock(manager, op.uuid, true);
    if (row === undefined || row.ended_at !== null || row.cancel_requested) return;
    row.cancel_requested = true;
    paramsOf(row).obsolete = true;
    await this.operations.save(manager, row);
    wakes.push(row.uuid);
  }

  private eventOf(
    vsUuid: string,
    eventId: string,
    description: string,
    details: Record<string, unknown>,
  ): NewEvent {
    const object = this.cache.get(vsUuid);
    return {
      eventId,
      kind: 'virtualservice',
      objUuid: vsUuid,
      objName: object?.name ?? '',
      tenantUuid: object?.tenantUuid ?? '',
      description: `virtual service ${object?.name ?? vsUuid}: ${description}`,
      details,
    };
  }
}

const nameOf = (world: PlacementWorld, seUuid: string) => world.serviceEngines.get(seUuid)?.name ?? seUuid;

/** The VIPs that a virtual service has, and those that rows still name. */
function vipsOf(world: PlacementWorld, vs: VirtualService | undefined, uuid: string): string[] {
  const rows = world.rows.filter((r) => r.vs_uuid === uuid).map((r) => r.vip_id);
  return [...new Set([...(vs?.vips.map((v) => v.vipId) ?? []), ...rows])];
}

/** An operation of the controller that waits, while the plan is another one by now. */
const obsolete = (op: Operation, next: Plan): boolean =>
  op.state === 'waiting' &&
  paramsOf(op).why !== undefined &&
  !(next.do === 'await' || (next.do === 'start' && next.type === op.type));
