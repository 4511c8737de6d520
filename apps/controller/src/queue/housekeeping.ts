import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { MONITOR_SPANS } from '../se-channel/monitor-counts.js';
import { QueueService } from './queue.service.js';

/** Changes that are kept for replicas that were away; one that is further behind reads everything. */
export const OUTBOX_KEPT = 50_000;
const EVENTS_KEPT_DAYS = 90;
const HOUR_MS = 3_600_000;

/** Takes away what nobody needs any more. */
@Injectable()
export class Housekeeping implements OnModuleInit {
  constructor(
    private readonly queue: QueueService,
    private readonly dataSource: DataSource,
  ) {}

  onModuleInit(): void {
    this.queue.sweep('housekeeping', HOUR_MS, () => this.clean());
  }

  async clean(): Promise<void> {
    await this.dataSource.query(
      'DELETE FROM outbox WHERE id <= (SELECT generation FROM cluster_state WHERE id = 1) - $1::bigint',
      [OUTBOX_KEPT],
    );
    await this.dataSource.query('DELETE FROM session WHERE expires_at < now()');
    await this.dataSource.query('DELETE FROM api_token WHERE expires_at < now()');
    for (const [span, kept] of MONITOR_SPANS)
      await this.dataSource.query(
        'DELETE FROM monitor_count WHERE span = $1 AND bucket < now() - make_interval(secs => $2)',
        [span, kept],
      );
    await this.dataSource.query(`DELETE FROM event WHERE at < now() - make_interval(days => $1)`, [
      EVENTS_KEPT_DAYS,
    ]);
  }
}
