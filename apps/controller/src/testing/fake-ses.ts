import type { DataSource } from 'typeorm';
import { PlacementRow, SeRuntime } from '../database/entities/index.js';
import type { Replica } from './replica.js';

/** How a fake SE behaves. */
export interface Behaviour {
  /** Fails to prepare with this code, reason and holder. */
  failure?: { code: string; reason: string; holder: string };
  /** Does not say that its drain is over until this is cleared. */
  holdDrain?: boolean;
  /** Says nothing. */
  mute?: boolean;
}

const NEXT: Readonly<Record<string, string>> = { prepare: 'prepared', active: 'active', drain: 'draining' };

/**
 * SEs that answer what is wanted of them as real ones do: they read their placements when the outbox moves, write what
 * they observe and tell the replica that holds their stream. They outlive a replica that is replaced.
 */
export class FakeSes {
  readonly behaviours = new Map<string, Behaviour>();
  private replica: Replica | undefined;
  private following: (() => void) | undefined;
  private running: Promise<void> = Promise.resolve();

  /** Lets this replica hold the streams from now on. */
  attach(replica: Replica): void {
    this.following?.();
    this.replica = replica;
    const moved = replica.cache.changes.subscribe(() => this.answer());
    this.following = () => moved.unsubscribe();
    this.answer();
  }

  detach(): Promise<void> {
    this.following?.();
    this.following = undefined;
    this.replica = undefined;
    return this.running;
  }

  behave(seUuid: string, behaviour: Behaviour): void {
    this.behaviours.set(seUuid, behaviour);
    this.answer();
  }

  async connect(seUuid: string): Promise<void> {
    await this.write(seUuid, true, 'OPER_UP');
    this.replica?.seEvents.emit('connected', {
      seUuid,
      seName: seUuid,
      bootId: 'b',
      restarted: false,
      cameUp: true,
    });
    this.answer();
  }

  async lose(seUuid: string): Promise<void> {
    this.behaviours.set(seUuid, { mute: true });
    await this.write(seUuid, false, 'OPER_DOWN');
    this.replica?.seEvents.emit('down', { seUuid, seName: seUuid, reason: 'killed', fenced: true });
  }

  private async write(seUuid: string, connected: boolean, state: string): Promise<void> {
    await this.source().manager.upsert(
      SeRuntime,
      { se_uuid: seUuid, connected, oper_state: state, host: { netScope: 'ns1', hostname: 'h1' } },
      ['se_uuid'],
    );
  }

  private source(): DataSource {
    if (this.replica === undefined) throw new Error('no replica');
    return this.replica.dataSource;
  }

  private answer(): void {
    const replica = this.replica;
    if (replica === undefined) return;
    this.running = this.running.then(() => this.answerOnce(replica)).catch(() => undefined);
  }

  private async answerOnce(replica: Replica): Promise<void> {
    if (replica !== this.replica) return;
    const rows = await replica.dataSource.manager.find(PlacementRow);
    for (const row of rows) {
      const behaviour = this.behaviours.get(row.se_uuid) ?? {};
      const runtime = await replica.dataSource.manager.findOneBy(SeRuntime, { se_uuid: row.se_uuid });
      if (behaviour.mute === true || runtime?.connected !== true) continue;
      const target = behaviour.failure === undefined ? NEXT[row.desired] : 'failed';
      const seen = target === 'draining' && behaviour.holdDrain !== true ? 'drained' : target;
      if (seen === undefined || seen === row.observed || row.observed === 'drained') continue;
      await replica.dataSource.query(
        'UPDATE placement SET observed = $2, code = $3, reason = $4, holder = $5 WHERE id = $1 AND epoch = $6',
        [
          row.id,
          seen,
          behaviour.failure?.code ?? '',
          behaviour.failure?.reason ?? '',
          behaviour.failure?.holder ?? '',
          row.epoch,
        ],
      );
      replica.seEvents.emit('placementObserved', {
        seUuid: row.se_uuid,
        vsUuid: row.vs_uuid,
        vipId: row.vip_id,
        observed: seen as never,
        code: '',
        reason: '',
        holder: '',
        connectionsLeft: 0,
        connectionsReset: 0,
      });
    }
  }
}
