import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { compromised } from '@spillway/placement';
import { DataSource, type EntityManager } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { EventService, type NewEvent } from '../event/index.js';
import { SeEvents } from '../se-channel/se-events.js';
import { ObjectCache } from '../store/index.js';
import type { OperStatus } from './oper-status.js';
import { RuntimeReader } from './runtime-reader.js';
import { STATE_EVENTS, transitions, type Observed } from './transitions.js';

/** News that come together are looked at together: a look reads every placement and verdict. */
const SETTLE_MS = 200;
/** After a look, this many times as long as it took passes until the next: looking is never the main work. */
const REST = 4;
const SWEEP_MS = 10_000;
const LOCK = 7_301_200;

/** Milliseconds from news to a look at it, after a look that took so long; a state is told within a sweep at most. */
export const settleFor = (took: number): number => Math.min(SWEEP_MS, Math.max(SETTLE_MS, took * REST));

/**
 * Records when virtual services, pools and servers go up and down. What was recorded last is the state before: after
 * a restart, or with several replicas, each change is recorded once.
 */
@Injectable()
export class StateWatcher implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger: Logger;
  private readonly known = new Map<string, 'up' | 'down'>();
  private timer: NodeJS.Timeout | undefined;
  private sweep: NodeJS.Timeout | undefined;
  /** How long the last look took, in milliseconds. */
  private took = 0;
  private running: Promise<void> = Promise.resolve();
  private readonly subscriptions: (() => void)[] = [];

  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: ObjectCache,
    private readonly reader: RuntimeReader,
    private readonly events: EventService,
    private readonly seEvents: SeEvents,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'state' });
  }

  onApplicationBootstrap(): void {
    this.subscriptions.push(
      this.seEvents.on('placementObserved', () => this.soon()),
      this.seEvents.on('serverVerdict', () => this.soon()),
      this.seEvents.on('connected', () => this.soon()),
      this.seEvents.on('down', () => this.soon()),
    );
    this.sweep = setInterval(() => this.soon(), SWEEP_MS);
    this.sweep.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.sweep);
    clearTimeout(this.timer);
    for (const end of this.subscriptions) end();
    await this.running;
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.running = this.running.then(() => this.look());
    }, settleFor(this.took));
  }

  private async look(): Promise<void> {
    const began = performance.now();
    try {
      const seen = await this.observe();
      const changed = [...seen].filter(([key, o]) => this.known.get(key) !== o.state);
      for (const key of this.known.keys()) if (!seen.has(key)) this.known.delete(key);
      if (changed.length === 0) return;
      await this.dataSource.transaction((manager) => this.record(manager, new Map(changed)));
      for (const [key, o] of changed) this.known.set(key, o.state);
    } catch (err) {
      this.logger.warn({ err }, 'could not look for changes of state; the sweep tries again');
    }
    this.took = performance.now() - began;
  }

  private async observe(): Promise<Map<string, Observed>> {
    const state = await this.reader.read();
    const seen = new Map<string, Observed>();
    const add = (key: string, status: OperStatus, o: Omit<Observed, 'state' | 'reasons'>): void => {
      if (status.state === 'OPER_UP' || status.state === 'OPER_DOWN')
        seen.set(key, { ...o, state: status.state === 'OPER_UP' ? 'up' : 'down', reasons: status.reasons });
    };
    for (const object of this.cache.byKind('virtualservice')) {
      const view = state.virtualService(object);
      add(object.uuid, view.status, { kind: 'virtualservice', object, server: '' });
      const vs = state.world.virtualServices.get(object.uuid);
      if (vs === undefined || view.status.state !== 'OPER_UP') continue;
      const why = vs.vips.flatMap(({ vipId }) => compromised(state.world, vs, vipId) ?? []);
      seen.set(`${object.uuid} ha`, {
        kind: 'redundancy',
        object,
        server: '',
        state: why.length === 0 ? 'up' : 'down',
        reasons: why,
      });
    }
    for (const object of this.cache.byKind('pool')) {
      const pool = state.pool(object);
      add(object.uuid, pool.status, { kind: 'pool', object, server: '' });
      for (const s of pool.servers)
        add(`${object.uuid} ${s.id}`, s.status, { kind: 'server', object, server: s.id });
    }
    return seen;
  }

  /** Under a lock of its own: what another replica recorded meanwhile is not recorded again. */
  private async record(manager: EntityManager, seen: ReadonlyMap<string, Observed>): Promise<void> {
    await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    const uuids = [...new Set([...seen.values()].map((o) => o.object.uuid))];
    const last: { event_id: string; obj_uuid: string; server: string }[] = await manager.query(
      `SELECT DISTINCT ON (obj_uuid, event_id LIKE 'VS_SE_HA_%', details->>'server')
         event_id, obj_uuid, coalesce(details->>'server', '') AS server
       FROM event WHERE obj_uuid = ANY($1) AND event_id = ANY($2)
       ORDER BY obj_uuid, event_id LIKE 'VS_SE_HA_%', details->>'server', at DESC, id DESC`,
      [uuids, STATE_EVENTS],
    );
    const events: NewEvent[] = transitions(seen, last);
    await this.events.record(events, manager);
  }
}
