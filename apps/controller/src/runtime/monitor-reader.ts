import { Injectable } from '@nestjs/common';
import { Inspections } from '../se-channel/inspections.js';
import { MonitorCountIntake } from '../se-channel/monitor-counts.js';
import { SeSessions } from '../se-channel/sessions.js';
import { ObjectCache, type StoredObject } from '../store/index.js';
import { reportOf, sumKey, type MonitorFacts, type SeReport } from './monitor-view.js';
import type { InventoryContext } from './inventory-items.js';

/** Asks the SEs that check a pool what its monitors say, and the store how it was. */
@Injectable()
export class MonitorReader {
  constructor(
    private readonly cache: ObjectCache,
    private readonly sessions: SeSessions,
    private readonly inspections: Inspections,
    private readonly counts: MonitorCountIntake,
  ) {}

  /**
   * @param server only this one, with what was said in its last checks; empty for all
   * @param window seconds of the past over which checks are counted
   */
  async read(
    pool: StoredObject,
    server: string,
    window: number,
    ctx: InventoryContext,
  ): Promise<MonitorFacts> {
    const refs = (pool.spec['health_monitor_refs'] ?? []) as unknown[];
    const monitors = refs.flatMap((ref) => this.cache.get(String(ref)) ?? []);
    const checkers = [...ctx.state.checkersOf(pool.uuid)];
    const [sums, ...reports] = await Promise.all([
      this.counts.sums(pool.uuid, window),
      ...checkers.map(([seUuid, seName]) => this.ask(seUuid, seName, pool.uuid, server)),
    ]);
    const byKey = new Map(sums.map((sum) => [sumKey(sum.server, sum.health_monitor_uuid), sum]));
    return { monitors, reports, sums: byKey, link: ctx.link };
  }

  private async ask(seUuid: string, seName: string, poolUuid: string, server: string): Promise<SeReport> {
    const session = this.sessions.get(seUuid);
    if (session === undefined)
      return { seUuid, seName, servers: new Map(), unavailable: 'it is not connected to this controller' };
    try {
      const rows = await this.inspections.monitors(session, poolUuid, server);
      return { seUuid, seName, servers: reportOf(rows), unavailable: '' };
    } catch (error) {
      return { seUuid, seName, servers: new Map(), unavailable: (error as Error).message };
    }
  }
}
