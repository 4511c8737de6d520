import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { definitionOf, invalidDefinitions, OPERATIONS } from '@spillway/placement';
import { DataSource } from 'typeorm';
import { CloudService } from '../cloud/cloud.service.js';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import type { Operation } from '../database/entities/index.js';
import { EventService } from '../event/index.js';
import { PlacementWriter } from '../placement/placement-writer.js';
import { ScaleWriter } from '../placement/scale-writer.js';
import { WorldReader } from '../placement/world-reader.js';
import { SeEvents } from '../se-channel/se-events.js';
import { OutboxListener } from '../store/listener.js';
import { ObjectCache, ObjectStore } from '../store/index.js';
import { crashPoint } from './crash-point.js';
import { OperationFeed } from './operation-feed.js';
import { OPERATION_CHANNEL, OperationStore } from './operation.store.js';
import { apply, begin, fail } from './progress.js';
import { StepContext } from './step-context.js';
import { stepFunctions, type StepFunctions } from './steps/index.js';
import { Turns } from './turns.js';

/** Every active operation is looked at this often, whatever news were lost. */
const SWEEP_MS = 2_000;
/** Operations carried on at the same time; each holds a database connection for one step. */
const AT_ONCE = 8;

/**
 * Carries operations on: under the lock of the row it looks at the present step once, and commits what that did
 * together with the row. Whatever kills it, the row says where to go on, and every step may run again.
 */
@Injectable()
export class OperationRunner implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly functions: StepFunctions;
  private readonly logger: Logger;
  private readonly listener: OutboxListener;
  private readonly turns: Turns;
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly subscriptions: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly operations: OperationStore,
    private readonly feed: OperationFeed,
    private readonly reader: WorldReader,
    private readonly cache: ObjectCache,
    private readonly events: EventService,
    private readonly seEvents: SeEvents,
    private readonly writer: PlacementWriter,
    store: ObjectStore,
    scales: ScaleWriter,
    clouds: CloudService,
    @Inject(SETTINGS) settings: Settings,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'operation' });
    this.functions = stepFunctions({ writer, scales, store, operations, clouds });
    const wrong = invalidDefinitions(OPERATIONS, {
      steps: Object.keys(this.functions.steps),
      undos: Object.keys(this.functions.undos),
    });
    if (wrong.length > 0) throw new Error(`operations that cannot run: ${wrong.join('; ')}`);
    this.turns = new Turns(AT_ONCE, (uuid) => this.carryOn(uuid));
    this.listener = new OutboxListener(
      settings.databaseUrl,
      this.logger,
      (payload) => this.notified(payload),
      OPERATION_CHANNEL,
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    const { seEvents } = this;
    this.subscriptions.push(
      seEvents.on('placementObserved', (e) => this.wakeSubject(e.vsUuid)),
      seEvents.on('connected', () => this.sweep()),
      seEvents.on('disconnected', () => this.sweep()),
      seEvents.on('down', () => this.sweep()),
      seEvents.on('stopping', () => this.sweep()),
    );
    const moved = this.cache.changes.subscribe((changes) => {
      if (changes.some((c) => c.kind !== 'placement')) this.sweep();
    });
    this.subscriptions.push(() => moved.unsubscribe());
    await this.listener.start();
    this.timer = setInterval(() => this.sweep(), SWEEP_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    for (const end of this.subscriptions) end();
    clearInterval(this.timer);
    for (const timer of this.timers.values()) clearTimeout(timer);
    await this.listener.close();
    await this.turns.idle();
  }

  /** Begins nothing any more, and leaves what is under way as it is. */
  abandon(): void {
    this.stopped = true;
  }

  /** Looks at an operation soon. */
  wake(uuid: string): void {
    if (!this.stopped) this.turns.add(uuid);
  }

  /** Looks at every operation of a virtual service or SE soon. */
  wakeSubject(subjectUuid: string): void {
    this.look(() => this.operations.activeOf(subjectUuid));
  }

  /** Looks at every active operation soon. */
  sweep(): void {
    this.look(() => this.operations.active());
  }

  /** Resolves when nothing is being carried on in this process. */
  idle(): Promise<void> {
    return this.turns.idle();
  }

  private look(find: () => Promise<Operation[]>): void {
    if (this.stopped) return;
    find().then(
      (found) => found.forEach((op) => this.wake(op.uuid)),
      (err: unknown) => this.logger.warn({ err }, 'could not read the active operations'),
    );
  }

  private notified(payload: string | undefined): void {
    if (payload === undefined) return this.sweep();
    const [uuid = '', origin] = payload.split(' ');
    this.feed.changed(uuid);
    if (origin !== this.operations.origin) this.wake(uuid);
  }

  /** Steps until it has to wait, has ended, or cannot be read now. */
  private async carryOn(uuid: string): Promise<void> {
    try {
      while (!this.stopped && (await this.lookOnce(uuid)));
    } catch (err) {
      this.logger.error({ err, operation: uuid }, 'a step failed unexpectedly; it is tried again');
    }
  }

  /** One look at the present step, in one transaction. True: go on at once. */
  private async lookOnce(uuid: string): Promise<boolean> {
    const seen = await this.dataSource.transaction(async (manager) => {
      const op = await this.operations.lock(manager, uuid);
      if (op === undefined || op.ended_at !== null) return undefined;
      const { type, step } = op;
      const before = JSON.stringify(op);
      crashPoint(type, step, 'before');
      if (definitionOf(type).subject === 'virtualservice') await this.writer.lock(manager, op.subject_uuid);
      const ctx = new StepContext(op, manager, this.cache, this.reader, new Date());
      const more = await this.step(ctx);
      if (JSON.stringify(op) !== before) await this.operations.save(manager, op);
      await this.events.record(ctx.events, manager);
      return { ctx, step, more };
    });
    if (seen === undefined) return false;
    this.committed(seen.ctx, seen.step);
    return seen.more;
  }

  private async step(ctx: StepContext): Promise<boolean> {
    const { op } = ctx;
    if (op.steps.every((s) => s.state === 'pending') && op.type === 'migrate' && op.attempts === 0)
      ctx.event('VS_MIGRATE_STARTED', `${op.subject_name}: ${op.text}`);
    begin(op, ctx.now);
    const ended = await this.endEarly(ctx);
    if (ended !== undefined) return ended;
    const step = ctx.definition;
    if (step === undefined) throw new Error(`operation ${op.uuid} is at unknown step ${op.step}`);
    const result = await this.functions.steps[step.name](ctx);
    if (result.do === 'wait') this.lookAgain(op.uuid, result.until);
    if (result.do === 'ask') this.lookAgain(op.uuid, result.until);
    return apply(ctx, this.functions, result);
  }

  /** A cancel, and what a virtual service that was deleted or disabled meanwhile makes pointless. */
  private async endEarly(ctx: StepContext): Promise<boolean | undefined> {
    const { op, params } = ctx;
    const { subject } = definitionOf(op.type);
    const stop = (code: string, reason: string, state: 'failed' | 'cancelled') =>
      fail(ctx, this.functions, code, reason, state);
    if (op.cancel_requested && ctx.definition?.final !== true)
      return params.obsolete === true
        ? stop('OBSOLETE', 'it is not wanted any more', 'cancelled')
        : stop('CANCELLED', `cancelled by ${op.requested_by || 'a user'}`, 'cancelled');
    if (subject !== 'virtualservice') return undefined;
    if (ctx.object === undefined) {
      // Nothing can be delivered for it any more: the SEs let go with the virtual service itself.
      for (const row of await ctx.rows()) await this.writer.remove(ctx.manager, ctx.key(row.se_uuid));
      return stop('VS_GONE', 'the virtual service was deleted', 'cancelled');
    }
    const adds = op.type === 'place' || op.type === 'scaleout' || op.type === 'migrate';
    if (adds && ctx.definition?.final !== true && ctx.object.spec['enabled'] === false)
      return stop('VS_DISABLED', 'the virtual service was disabled', 'cancelled');
    return undefined;
  }

  private committed(ctx: StepContext, step: string): void {
    const { op } = ctx;
    if (op.step !== step || op.ended_at !== null) {
      crashPoint(op.type, step, 'after');
      this.logger.debug({ operation: op.uuid, type: op.type, step: op.step, state: op.state }, op.text);
    }
    this.feed.changed(op.uuid);
    for (const started of ctx.started) this.wake(started);
    // Somebody may wait for what has ended: another operation for its SE, a VIP for its turn.
    if (op.ended_at !== null) this.sweep();
  }

  private lookAgain(uuid: string, at: Date | undefined): void {
    clearTimeout(this.timers.get(uuid));
    this.timers.delete(uuid);
    if (at === undefined || this.stopped) return;
    const timer = setTimeout(
      () => {
        this.timers.delete(uuid);
        this.wake(uuid);
      },
      Math.min(Math.max(at.getTime() - Date.now(), 0) + 1, 2 ** 31 - 1),
    );
    timer.unref();
    this.timers.set(uuid, timer);
  }
}
