import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type se, splitConfig } from '@spillway/protocol';
import { type SeSnapshot, SnapshotSource } from '@spillway/translator';
import { DataSource } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { EventService } from '../event/index.js';
import { RuntimeWriter } from '../se-channel/runtime-writer.js';
import { SeEvents } from '../se-channel/se-events.js';
import type { SeSession } from '../se-channel/session.js';
import { SeSessions } from '../se-channel/sessions.js';
import { StatusIntake } from '../se-channel/status-intake.js';
import { type Change, ObjectCache, SecretBox } from '../store/index.js';
import { OpenLookup } from '../tickets/open-lookup.js';
import { DeliveryMetrics } from './delivery.metrics.js';
import { wireFragment } from './encode.js';
import { LiveTracker } from './live-tracker.js';
import { readAllPlacements, readPlacements } from './placement-rows.js';
import { SetBackGuard } from './set-back.js';
import { type Held, type InFlight, SeDelivery } from './se-delivery.js';

/** An SE that heartbeats and does not answer a change for this long is attached anew, in milliseconds. */
const LONGEST_ANSWER = 60_000;
/** Wait before placements are read again after the database failed, in milliseconds. */
const RETRY = 500;
/** SEs whose last configuration is remembered after they left, so that a short absence costs a delta only. */
const REMEMBERED = 256;

interface Attached {
  session: SeSession;
  delivery: SeDelivery;
}

/** What translates, compares and sends; see docs/architecture.md, Delivery. */
@Injectable()
export class DeliveryService implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #attached = new Map<string, Attached>();
  readonly #remembered = new Map<string, Held>();
  readonly #tracker: LiveTracker;
  readonly #logger: Logger;
  #source: SnapshotSource | undefined;
  /** Everything up to here is in `#source`. */
  #generation = 0;
  #epoch = 0;
  #queue: Promise<void> = Promise.resolve();
  /** Batches that wait for their placements. */
  #waiting = 0;
  #unsubscribe: (() => void) | undefined;
  #closed = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: ObjectCache,
    private readonly secrets: SecretBox,
    private readonly sessions: SeSessions,
    private readonly intake: StatusIntake,
    private readonly runtime: RuntimeWriter,
    private readonly events: SeEvents,
    private readonly log: EventService,
    private readonly metrics: DeliveryMetrics,
    private readonly setBack: SetBackGuard,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#logger = logger.child({ part: 'delivery' });
    this.#tracker = new LiveTracker((_generation, ms) => this.metrics.live.observe(ms / 1000));
  }

  /** Runs before the SE channel listens (its module imports this one's providers later), or catches up with it. */
  async onApplicationBootstrap(): Promise<void> {
    const source = new SnapshotSource(new OpenLookup(this.cache, this.secrets), this.cache.clusterUuid);
    this.#source = source;
    const subscription = this.cache.changes.subscribe((changes) => this.#enqueue(changes));
    this.#unsubscribe = () => subscription.unsubscribe();
    this.#epoch = this.cache.epoch;
    const generation = this.cache.generation;
    await this.#loadAll(source);
    this.#generation = Math.max(this.#generation, generation);
    this.sessions.listen({
      attached: (session) => this.#attach(session),
      detached: (session) => this.#detach(session),
      ack: (session, ack) => this.#ack(session, ack),
      nack: (session, nack) => this.#nack(session, nack),
    });
  }

  onApplicationShutdown(): void {
    this.#closed = true;
    this.#unsubscribe?.();
  }

  /** SEs that this replica delivers to. */
  get streams(): number {
    return this.#attached.size;
  }

  /** Resolves when no change up to this generation is on its way to an SE of this replica any more. */
  async whenLive(generation: number): Promise<void> {
    await this.cache.whenAt(generation);
    await this.#queue;
    await this.#tracker.whenLive(generation);
  }

  /** Why a virtual service is not translated as written; empty when it is. */
  problemsOf(vsUuid: string): ReturnType<SnapshotSource['problemsOf']> {
    return this.#source?.problemsOf(vsUuid) ?? [];
  }

  #enqueue(changes: readonly Change[]): void {
    const since = performance.now();
    const placements = changes.filter((c) => c.kind === 'placement');
    if (placements.length === 0 && this.#waiting === 0) return this.#take(changes, new Set(), since);
    // In the order of commit: a batch whose placements have to be read holds those after it.
    this.#waiting += 1;
    const before = this.#queue;
    const taken = async (): Promise<void> => {
      await before;
      const concerned = await this.#loadChanged(placements);
      this.#waiting -= 1;
      this.#take(changes, concerned, since);
    };
    this.#queue = taken();
  }

  #take(changes: readonly Change[], placed: ReadonlySet<string>, since: number): void {
    const generation = changes.at(-1)?.generation ?? this.#generation;
    const concerned = new Set(placed);
    const objects = changes.filter((c) => c.kind !== 'placement').map((c) => c.uuid);
    for (const seUuid of this.#source?.objectsChanged(objects) ?? []) concerned.add(seUuid);
    this.#generation = Math.max(this.#generation, generation);
    if (this.#epoch !== this.cache.epoch) {
      this.#epoch = this.cache.epoch;
      for (const seUuid of this.#attached.keys()) concerned.add(seUuid);
    }
    const attached = [...concerned].filter((seUuid) => this.#attached.has(seUuid));
    this.#tracker.begin(generation, since, attached);
    for (const seUuid of attached) this.#advance(seUuid);
    this.metrics.pending.set(this.#tracker.pending);
  }

  /** Reads placements that changed; after a reading of everything (`uuid` empty) all of them. Retries until it can. */
  async #loadChanged(changes: readonly Change[]): Promise<Set<string>> {
    const source = this.#source;
    const concerned = new Set<string>();
    if (source === undefined || changes.length === 0) return concerned;
    if (changes.some((c) => c.uuid === '')) return this.#loadAll(source);
    const ids = [...new Set(changes.map((c) => c.uuid))];
    const rows = await this.#insist(() => readPlacements(this.dataSource, ids));
    const deleted = new Set(changes.filter((c) => c.change === 'deleted').map((c) => c.uuid));
    for (const id of ids) {
      const row = rows?.get(id);
      // Absent without a deletion on record: its deletion is a later change, which will say so.
      if (row === undefined && !deleted.has(id)) continue;
      for (const seUuid of source.setPlacement(id, row)) concerned.add(seUuid);
    }
    return concerned;
  }

  async #loadAll(source: SnapshotSource): Promise<Set<string>> {
    const concerned = new Set<string>();
    const rows = await this.#insist(() => readAllPlacements(this.dataSource, this.cache.clusterUuid));
    if (rows === undefined) return concerned;
    const gone = new Set(source.placementIds());
    for (const [id, row] of rows) {
      gone.delete(id);
      for (const seUuid of source.setPlacement(id, row)) concerned.add(seUuid);
    }
    for (const id of gone) for (const seUuid of source.setPlacement(id, undefined)) concerned.add(seUuid);
    return concerned;
  }

  async #insist<T>(read: () => Promise<T>): Promise<T | undefined> {
    while (!this.#closed) {
      try {
        return await read();
      } catch (err) {
        this.#logger.warn({ err, retry_ms: RETRY }, 'could not read placements');
        await new Promise((resolve) => setTimeout(resolve, RETRY).unref());
      }
    }
    return undefined;
  }

  #attach(session: SeSession): void {
    const { seUuid, hello } = session;
    const remembered = this.#remembered.get(seUuid);
    const known =
      remembered?.epoch === hello.epoch && remembered.generation === hello.generation
        ? remembered
        : undefined;
    this.#remembered.delete(seUuid);
    this.#attached.set(seUuid, { session, delivery: new SeDelivery(known) });
    this.#source?.track(seUuid);
    this.metrics.attached.set(this.#attached.size);
    this.setBack.see(session);
    this.#advance(seUuid);
  }

  #detach(session: SeSession): void {
    const attached = this.#attached.get(session.seUuid);
    if (attached?.session !== session) return;
    this.#attached.delete(session.seUuid);
    this.#source?.untrack(session.seUuid);
    this.#tracker.abandoned(session.seUuid);
    this.metrics.attached.set(this.#attached.size);
    const { held } = attached.delivery;
    if (held === undefined) return;
    this.#remembered.set(session.seUuid, held);
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= REMEMBERED) break;
      this.#remembered.delete(oldest);
    }
  }

  /** Brings one SE one step nearer to what it should run. */
  #advance(seUuid: string): void {
    const attached = this.#attached.get(seUuid);
    if (attached === undefined || this.#source === undefined) return;
    const snapshot = this.#source.snapshotOf(seUuid);
    this.#showUnserved(seUuid, snapshot);
    const now = performance.now();
    const step = attached.delivery.next(this.cache.epoch, this.#generation, snapshot.fragments, now);
    if (step.type === 'current') this.#reached(seUuid, this.#generation, now);
    else if (step.type === 'send') void this.#send(attached, step.change);
    else if (attached.delivery.inFlight === undefined) this.#tracker.abandoned(seUuid);
    else if (now - attached.delivery.inFlight.sentAt > LONGEST_ANSWER)
      attached.session.end('stream_lost', { $case: 'goodbye', value: { reason: 'no answer to a change' } });
  }

  /** A placement that cannot be given to its SE fails with the reason; the SE knows nothing of it. */
  #showUnserved(seUuid: string, snapshot: SeSnapshot): void {
    for (const { placement, problems } of snapshot.unserved)
      this.intake.placement(seUuid, {
        vsUuid: placement.vsUuid,
        vipId: placement.vipId,
        epoch: placement.epoch,
        observed: 'failed',
        code: problems[0]?.code ?? 'NOT_TRANSLATED',
        reason: problems.map((p) => p.text).join('; '),
        holder: '',
        connectionsLeft: 0,
        connectionsReset: 0,
      });
  }

  async #send(attached: Attached, change: InFlight): Promise<void> {
    const put = change.put.map(wireFragment);
    this.metrics.sent.inc({ kind: change.full ? 'full' : 'delta' });
    this.metrics.bytes.inc(put.reduce((sum, f) => sum + f.body.length, 0));
    for (const part of splitConfig({ ...change, put }))
      await attached.session.send({ $case: 'configUpdate', value: part });
  }

  #reached(seUuid: string, generation: number, now: number): void {
    this.#tracker.reached(seUuid, generation, now);
    this.metrics.pending.set(this.#tracker.pending);
  }

  #ack(session: SeSession, ack: se.Ack): void {
    const attached = this.#attached.get(session.seUuid);
    const change = attached?.session === session ? attached.delivery.ack(ack) : undefined;
    if (attached === undefined || change === undefined) return;
    this.#reached(session.seUuid, change.generation, performance.now());
    this.#pruneVerdicts(session.seUuid, change);
    this.runtime.set(
      session.seUuid,
      session.id,
      { epoch: String(ack.epoch), generation: String(ack.generation), last_nack: null },
      () =>
        this.events.emit('configAnswered', {
          seUuid: session.seUuid,
          epoch: ack.epoch,
          generation: ack.generation,
        }),
    );
    this.#advance(session.seUuid);
  }

  #nack(session: SeSession, nack: se.Nack): void {
    const attached = this.#attached.get(session.seUuid);
    const change = attached?.session === session ? attached.delivery.nack(nack) : undefined;
    if (attached === undefined || change === undefined) return;
    this.metrics.refused.inc();
    const { code, reason, path } = nack;
    this.#logger.warn(
      { se: session.seName, generation: nack.generation, code, reason, path },
      'configuration refused',
    );
    this.runtime.set(
      session.seUuid,
      session.id,
      {
        last_nack: {
          epoch: nack.epoch,
          generation: nack.generation,
          code,
          reason,
          path,
          at: new Date().toISOString(),
        },
      },
      () =>
        this.events.emit('configAnswered', {
          seUuid: session.seUuid,
          epoch: nack.epoch,
          generation: nack.generation,
          nack: { code, reason, path },
        }),
      true,
    );
    if (change.full)
      this.log.note({
        eventId: 'SE_CONFIG_REFUSED',
        kind: 'serviceengine',
        objUuid: session.seUuid,
        objName: session.seName,
        description: `ServiceEngine ${session.seName} refused generation ${nack.generation}: ${reason}${path === '' ? '' : ` (${path})`}; it goes on with the last good one`,
        details: { generation: nack.generation, code, reason, path },
      });
    this.#advance(session.seUuid);
  }

  /** What the SE checks no more counts no more. */
  #pruneVerdicts(seUuid: string, change: InFlight): void {
    for (const id of change.remove)
      if (id.startsWith('pool/')) this.intake.prune(seUuid, id.slice('pool/'.length), []);
    for (const fragment of change.put)
      if (fragment.type === 'pool')
        this.intake.prune(
          seUuid,
          fragment.body.uuid,
          fragment.body.servers.map((s) =>
            s.address.includes(':') ? `[${s.address}]:${s.port}` : `${s.address}:${s.port}`,
          ),
        );
  }
}
