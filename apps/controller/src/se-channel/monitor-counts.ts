import type { se } from '@spillway/protocol';
import type { DataSource } from 'typeorm';
import type { ObjectCache } from '../store/index.js';
import { BatchWriter } from './batch.js';

/** Spans that counts are kept by, in seconds, and how long each is kept: minutes for hours, hours for days. */
export const MONITOR_SPANS: readonly (readonly [span: number, kept: number])[] = [
  [60, 2 * 3600],
  [3600, 7 * 86_400],
];
/** Milliseconds that counts wait for those of other SEs. */
const DELAY = 1_000;

interface Count {
  poolUuid: string;
  server: string;
  monitorUuid: string;
  passed: number;
  failed: number;
}

/** In the order of the key, so that two replicas that count the same servers never wait for each other in a circle. */
const ADD = `
INSERT INTO monitor_count AS m (pool_uuid, server, health_monitor_uuid, span, bucket, passed, failed)
SELECT c."poolUuid", c.server, c."monitorUuid", s.span,
       date_bin(make_interval(secs => s.span), clock_timestamp(), 'epoch'), c.passed, c.failed
FROM jsonb_to_recordset($1::jsonb) AS c("poolUuid" text, server text, "monitorUuid" text, passed bigint,
  failed bigint), unnest($2::integer[]) AS s(span)
ORDER BY 1, 2, 3, 4
ON CONFLICT (pool_uuid, server, health_monitor_uuid, span, bucket)
DO UPDATE SET passed = m.passed + excluded.passed, failed = m.failed + excluded.failed`;

const SUM = `
SELECT server, health_monitor_uuid, sum(passed) AS passed, sum(failed) AS failed
FROM monitor_count
WHERE pool_uuid = $1 AND span = $2
  AND bucket >= date_bin(make_interval(secs => $2), now() - make_interval(secs => $3), 'epoch')
GROUP BY server, health_monitor_uuid`;

/** How many checks passed and failed within a window of time. */
export interface MonitorSum {
  server: string;
  health_monitor_uuid: string;
  passed: number;
  failed: number;
}

/** Adds up what SEs say of their checks, for success over time. */
export class MonitorCountIntake {
  readonly #writer: BatchWriter<string, Count>;

  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: Pick<ObjectCache, 'get'>,
    onError: (error: unknown, size: number) => void,
  ) {
    this.#writer = new BatchWriter((batch) => this.#write([...batch.values()]), {
      delay: DELAY,
      merge: (waiting, later) => ({
        ...waiting,
        passed: waiting.passed + later.passed,
        failed: waiting.failed + later.failed,
      }),
      onError,
    });
  }

  /** Counts of one SE since it told of them last; those of pools that are gone are dropped. */
  take({ counts }: se.MonitorCounts): void {
    for (const { poolUuid, healthMonitorUuid: monitorUuid, servers } of counts) {
      if (this.cache.get(poolUuid)?.kind !== 'pool') continue;
      for (const { server, passed, failed } of servers)
        this.#writer.set(`${poolUuid} ${monitorUuid} ${server}`, {
          poolUuid,
          server,
          monitorUuid,
          passed,
          failed,
        });
    }
  }

  /** Resolves when what was told so far has been written, or tried. */
  written(): Promise<void> {
    return this.#writer.flush();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  /** @param window seconds back from now, rounded up to whole spans */
  async sums(poolUuid: string, window: number): Promise<MonitorSum[]> {
    const [short, long] = MONITOR_SPANS as readonly [readonly [number, number], readonly [number, number]];
    const span = window <= short[1] / 2 ? short[0] : long[0];
    const rows: Record<'server' | 'health_monitor_uuid' | 'passed' | 'failed', string>[] =
      await this.dataSource.query(SUM, [poolUuid, span, window]);
    return rows.map((row) => ({ ...row, passed: Number(row.passed), failed: Number(row.failed) }));
  }

  async #write(counts: Count[]): Promise<void> {
    await this.dataSource.query(ADD, [JSON.stringify(counts), MONITOR_SPANS.map(([span]) => span)]);
  }
}
