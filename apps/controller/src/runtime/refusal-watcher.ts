import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { SeRuntime } from '../database/entities/index.js';
import { EventService, type NewEvent } from '../event/index.js';
import { ObjectCache } from '../store/index.js';
import { Refusals } from './refusals.js';

const LOOK_MS = 5000;
/** One event for a pool in so many seconds, however many clients it refuses. */
const THROTTLE_SECONDS = 60;
const EVENT = 'CONN_DROP_POOL_LB_FAILURE';
const LOCK = 7_301_204;

/**
 * Records that a pool has refused clients since all its servers were full, and its queue too where it has one. That
 * requests wait is no news (HTTP Request Queueing).
 */
@Injectable()
export class RefusalWatcher implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger: Logger;
  private readonly refusals = new Refusals();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: ObjectCache,
    private readonly events: EventService,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'refusals' });
  }

  onApplicationBootstrap(): void {
    // At once: what this look finds is old.
    const next = (): void => {
      this.running = this.running.then(() => this.look());
    };
    next();
    this.timer = setInterval(next, LOOK_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private async look(): Promise<void> {
    try {
      // Without a pool that limits connections there is nothing to read.
      if (![...this.cache.byKind('pool')].some((pool) => limits(pool.spec))) {
        this.refusals.nothing();
        return;
      }
      const runtimes = await this.dataSource.manager.find(SeRuntime, {
        select: { se_uuid: true, boot_id: true, connected: true, heartbeat: true },
      });
      const grown = this.refusals.grown(runtimes);
      if (grown.size > 0) await this.dataSource.transaction((manager) => this.record(manager, grown));
    } catch (err) {
      this.logger.warn({ err }, 'could not look for refused clients; the next look tries again');
    }
  }

  /** Under a lock of its own: every replica sees the same heartbeats. */
  private async record(manager: EntityManager, grown: ReadonlyMap<string, number>): Promise<void> {
    await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    const told: { obj_uuid: string }[] = await manager.query(
      `SELECT DISTINCT obj_uuid FROM event
       WHERE event_id = $1 AND obj_uuid = ANY($2) AND at > now() - make_interval(secs => $3)`,
      [EVENT, [...grown.keys()], THROTTLE_SECONDS],
    );
    const lately = new Set(told.map((row) => row.obj_uuid));
    const fresh = [...grown].flatMap(([uuid, count]): NewEvent[] => {
      const pool = lately.has(uuid) ? undefined : this.cache.get(uuid);
      if (pool === undefined) return [];
      return [
        {
          eventId: EVENT,
          kind: 'pool',
          objUuid: uuid,
          objName: pool.name,
          tenantUuid: pool.tenantUuid,
          description: `All servers of pool ${pool.name} have as many connections as they may have: ${count} clients were refused`,
          details: { refused: count },
        },
      ];
    });
    await this.events.record(fresh, manager);
    this.refusals.told(new Set([...lately, ...fresh.map((e) => e.objUuid)]));
  }
}

const limits = (spec: Readonly<Record<string, unknown>>): boolean =>
  Number(spec['max_concurrent_connections_per_server'] ?? 0) > 0;
