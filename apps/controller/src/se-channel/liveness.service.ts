import { Inject, Injectable } from '@nestjs/common';
import { HEARTBEAT_INTERVAL } from '@spillway/translator';
import { ownScopes, processRuns } from '@spillway/protocol';
import { DataSource } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { EventService } from '../event/index.js';
import { ObjectCache, type StoredObject } from '../store/index.js';
import { type Candidate, FailoverBreaker } from './breaker.js';
import { SeEvents } from './se-events.js';
import { SeSessions } from './sessions.js';
import { StatusIntake } from './status-intake.js';

export interface LivenessSettings {
  /** Milliseconds between looks. */
  tick: number;
  /** An SE whose stream is up and that says nothing for this long is hung. */
  heartbeatTimeout: number;
  /** How long a lost stream may take to come back: an agent that restarts needs about a second. */
  streamGrace: number;
}

/** Injection token of {@link LivenessSettings}. */
export const LIVENESS_SETTINGS = Symbol('liveness settings');

export const LIVENESS: LivenessSettings = {
  tick: 500,
  heartbeatTimeout: 6 * HEARTBEAT_INTERVAL,
  streamGrace: 3 * HEARTBEAT_INTERVAL,
};

interface Row {
  se_uuid: string;
  session_id: string;
  connected: boolean;
  oper_state: string;
  /** Milliseconds since the SE was last heard, by the clock of the database. */
  age: number;
  pid_scope: string | null;
  supervisor_pid: string | null;
  supervisor_start_time: string | null;
}

const ALL = `
SELECT se_uuid, session_id, connected, oper_state,
       (extract(epoch FROM clock_timestamp() - coalesce(last_seen, 'epoch')) * 1000)::float8 AS age,
       host->>'pidScope' AS pid_scope, host->>'supervisorPid' AS supervisor_pid,
       host->>'supervisorStartTime' AS supervisor_start_time
FROM se_runtime`;

/** Only as long as nobody else has heard the SE meanwhile. */
const DOWN = `
WITH changed AS (
  UPDATE se_runtime SET connected = false, oper_state = 'OPER_DOWN', oper_reason = $3, changed_at = clock_timestamp()
  WHERE se_uuid = $1 AND session_id = $2 AND oper_state <> 'OPER_DOWN' RETURNING se_uuid)
SELECT se_uuid FROM changed`;

/**
 * Declares SEs down: those whose stream was lost and did not come back, those that are hung, and those that a
 * replica which is no more, or an earlier life of this one, had attached. After an outage of its own (start, database
 * away, process stalled) it judges nobody for one heartbeat time-out; a breaker stops mass failover.
 */
@Injectable()
export class LivenessService {
  private readonly logger: Logger;
  readonly #breaker = new FailoverBreaker();
  readonly #lostAt = new Map<string, number>();
  readonly #held = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #lastTick = performance.now();
  #judgeFrom: number;

  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: ObjectCache,
    private readonly sessions: SeSessions,
    private readonly intake: StatusIntake,
    private readonly events: SeEvents,
    private readonly log: EventService,
    @Inject(LOGGER) logger: Logger,
    @Inject(LIVENESS_SETTINGS) private readonly settings: LivenessSettings,
  ) {
    this.logger = logger.child({ part: 'liveness' });
    this.#judgeFrom = performance.now() + this.#wait();
    sessions.listen({
      attached: (s) => this.#lostAt.delete(s.seUuid),
      detached: (s) => this.#lostAt.set(s.seUuid, performance.now()),
      ack: () => undefined,
      nack: () => undefined,
    });
  }

  /** SEs of groups that lost too many at once, not given up for that. */
  get held(): ReadonlySet<string> {
    return this.#held;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.#look().finally(() => (this.#running = undefined));
    }, this.settings.tick);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One heartbeat time-out, at most `warmstart_se_reconnect_wait_time`. */
  #wait(): number {
    return Math.min(
      this.settings.heartbeatTimeout,
      this.#property('warmstart_se_reconnect_wait_time', 480) * 1000,
    );
  }

  async #look(): Promise<void> {
    const now = performance.now();
    // A tick that comes this late means that the process stood still: SEs could not be heard meanwhile.
    if (now - this.#lastTick > this.settings.tick * 4) this.#judgeFrom = now + this.#wait();
    this.#lastTick = now;
    if (now >= this.#judgeFrom) this.#endHungStreams();
    try {
      const rows: Row[] = await this.dataSource.query(ALL);
      this.#reattach(rows);
      if (performance.now() < this.#judgeFrom) return;
      await this.#judge(rows.filter((row) => row.oper_state !== 'OPER_DOWN' && this.#isAbsent(row.se_uuid)));
    } catch (err) {
      this.#judgeFrom = performance.now() + this.#wait();
      this.logger.warn({ err }, 'cannot tell which service engines are up; nobody is given up meanwhile');
    }
  }

  /**
   * An SE that is attached here for a while and was declared down by a replica that did not hear it attaches anew, so
   * that it says everything again.
   */
  #reattach(rows: readonly Row[]): void {
    const settled = Date.now() - this.settings.streamGrace;
    for (const row of rows) {
      if (row.oper_state !== 'OPER_DOWN') continue;
      const session = this.sessions.get(row.se_uuid);
      // Its own attachment was written before: what came after is somebody else's.
      if (session?.id !== row.session_id || session.attachedAt > settled) continue;
      this.logger.warn({ se: session.seName }, 'attached here, and declared down elsewhere');
      session.end('stream_lost', { $case: 'goodbye', value: { reason: 'declared down: attach again' } });
    }
  }

  #endHungStreams(): void {
    const oldest = Date.now() - this.settings.heartbeatTimeout;
    for (const session of this.sessions.all()) {
      if (session.heardAt > oldest) continue;
      this.logger.warn({ se: session.seName, silent_ms: Date.now() - session.heardAt }, 'heartbeats missed');
      this.log.note({
        eventId: 'SE_HEARTBEAT_FAILURE',
        kind: 'serviceengine',
        objUuid: session.seUuid,
        objName: session.seName,
        description: `ServiceEngine ${session.seName} sends no heartbeats`,
      });
      session.end('heartbeat_missed', { $case: 'goodbye', value: { reason: 'no heartbeats' } });
    }
  }

  async #judge(absent: readonly Row[]): Promise<void> {
    const now = performance.now();
    const byId = new Map(absent.map((row) => [row.se_uuid, row]));
    const candidates = absent.flatMap((row) => this.#candidate(row, now));
    const up = (group: string): number => {
      let count = 0;
      for (const session of this.sessions.all()) if (this.#groupOf(session.seUuid) === group) count += 1;
      for (const row of absent) if (this.#groupOf(row.se_uuid) === group) count += 1;
      return count;
    };
    const holdFor = this.#property('dead_se_detection_timer', 360) * 1000;
    const { down, held } = this.#breaker.decide(now, candidates, up, holdFor);
    this.#showHeld(held);
    for (const candidate of down)
      await this.#declareDown(candidate, byId.get(candidate.seUuid)?.session_id ?? '');
  }

  #candidate(row: Row, now: number): Candidate[] {
    const lostAt = this.#lostAt.get(row.se_uuid);
    const fenced = hasEnded(row);
    const limit = this.settings.heartbeatTimeout;
    const lost = lostAt !== undefined && now - lostAt >= this.settings.streamGrace;
    // What another replica holds is written down every other second.
    const stale = lostAt === undefined && row.age > limit + 2 * HEARTBEAT_INTERVAL;
    if (!lost && !stale && !fenced) return [];
    const reason = fenced
      ? 'its processes have ended'
      : lost
        ? 'its stream did not come back'
        : 'it did not come back after its controller was away';
    return [{ seUuid: row.se_uuid, group: this.#groupOf(row.se_uuid), reason, fenced }];
  }

  async #declareDown(candidate: Candidate, session: string): Promise<void> {
    const { seUuid, reason, fenced } = candidate;
    const changed: unknown[] = await this.dataSource.query(DOWN, [seUuid, session, reason]);
    this.#lostAt.delete(seUuid);
    if (changed.length === 0) return;
    this.intake.forget(seUuid);
    const seName = this.cache.get(seUuid)?.name ?? seUuid;
    this.logger.warn({ se: seName, reason, fenced }, 'service engine is down');
    this.log.note({
      eventId: 'SE_DOWN',
      kind: 'serviceengine',
      objUuid: seUuid,
      objName: seName,
      description: `ServiceEngine ${seName} is down: ${reason}`,
      details: { reason, fenced },
    });
    this.events.emit('down', { seUuid, seName, reason, fenced });
  }

  #showHeld(held: ReadonlyMap<string, Candidate[]>): void {
    const now = new Set([...held.values()].flat().map((c) => c.seUuid));
    for (const [group, candidates] of held) {
      if (candidates.every((c) => this.#held.has(c.seUuid))) continue;
      const names = candidates.map((c) => this.cache.get(c.seUuid)?.name ?? c.seUuid);
      const name = this.cache.get(group)?.name ?? group;
      this.logger.error({ group: name, service_engines: names }, 'mass failover is held');
      this.log.note({
        eventId: 'SE_FAILOVER_HELD',
        kind: 'serviceenginegroup',
        objUuid: group,
        objName: name,
        description: `More than half of the service engines of group ${name} seem lost at once (${names.join(', ')}); nothing is moved until they return or dead_se_detection_timer is over`,
        details: { service_engines: candidates.map((c) => c.seUuid) },
      });
    }
    this.#held.clear();
    for (const seUuid of now) this.#held.add(seUuid);
  }

  #isAbsent(seUuid: string): boolean {
    return this.sessions.get(seUuid) === undefined && this.cache.get(seUuid) !== undefined;
  }

  #groupOf(seUuid: string): string {
    const group = this.cache.get(seUuid)?.spec['se_group_ref'];
    return typeof group === 'string' ? group : '';
  }

  #property(name: string, fallback: number): number {
    const [properties]: StoredObject[] = [...this.cache.byKind('controllerproperties')];
    const value = properties?.spec[name];
    return typeof value === 'number' ? value : fallback;
  }
}

/** Whether the SE's supervisor is known to have ended: only in the same pid scope can that be seen. */
function hasEnded(row: Row): boolean {
  const pid = Number(row.supervisor_pid);
  if (row.pid_scope !== ownScopes().pidScope || !(pid > 0)) return false;
  return !processRuns(pid, Number(row.supervisor_start_time));
}
