import { se } from '@spillway/protocol';
import { PROBLEM_CODES } from '@spillway/translator';
import type { DataSource, EntityManager } from 'typeorm';
import { BatchWriter } from './batch.js';
import type { ObservedPlacement, PlacementObserved, SeEvents, ServerVerdictChanged } from './se-events.js';

/** One thing to write; `at` counts up, so that what a later one made void is known. */
type Item = { at: number; seUuid: string } & (
  | { type: 'full'; placements: string[]; servers: string[] }
  | { type: 'prune'; poolUuid: string; servers: readonly string[] }
  | { type: 'placement'; status: PlacementNews }
  | { type: 'verdict'; status: se.ServerStatus }
);
type ItemOf<T extends Item['type']> = Extract<Item, { type: T }>;

/** What is written of a placement. */
export interface PlacementNews {
  vsUuid: string;
  vipId: string;
  epoch: number;
  observed: ObservedPlacement;
  code: string;
  reason: string;
  holder: string;
  connectionsLeft: number;
  connectionsReset: number;
}

const OBSERVED: Readonly<Record<se.PlacementState, ObservedPlacement>> = {
  [se.PlacementState.UNSPECIFIED]: 'pending',
  [se.PlacementState.PREPARED]: 'prepared',
  [se.PlacementState.ACTIVE]: 'active',
  [se.PlacementState.DRAINING]: 'draining',
  [se.PlacementState.DRAINED]: 'drained',
  [se.PlacementState.FAILED]: 'failed',
};

/**
 * What an SE does not list in a full status is not there: its rows go back to the beginning. What the SE was never
 * given, since it cannot be translated, stays as it is.
 */
const FORGOTTEN_PLACEMENTS = `
WITH changed AS (
  UPDATE placement SET observed = 'pending', code = '', reason = '', holder = '', connections_left = 0,
         connections_reset = 0, changed_at = clock_timestamp()
  WHERE se_uuid = $1 AND observed <> 'pending' AND NOT (vs_uuid || '#' || vip_id = ANY($2::text[]))
    AND NOT (observed = 'failed' AND code = ANY($3::text[]))
  RETURNING *)
SELECT * FROM changed`;

const FORGOTTEN_VERDICTS = `
DELETE FROM server_verdict WHERE se_uuid = $1 AND NOT (pool_uuid || '#' || server = ANY($2::text[]))`;

const PRUNE_VERDICTS = `
DELETE FROM server_verdict v
USING jsonb_to_recordset($1::jsonb) AS p("seUuid" text, "poolUuid" text, servers jsonb)
WHERE v.se_uuid = p."seUuid" AND v.pool_uuid = p."poolUuid" AND NOT jsonb_exists(p.servers, v.server)`;

/** By id, as whoever decides about placements locks them, so that neither waits for the other in a circle. */
const LOCK_PLACEMENTS = `
SELECT FROM placement p
WHERE p.se_uuid = ANY($1::text[])
   OR (p.se_uuid, p.vs_uuid, p.vip_id) IN (
        SELECT s."seUuid", s."vsUuid", s."vipId"
        FROM jsonb_to_recordset($2::jsonb) AS s("seUuid" text, "vsUuid" text, "vipId" text))
ORDER BY p.id FOR UPDATE`;

/** A status of an earlier life of the row (lower epoch) is ignored; one that says nothing new writes nothing. */
const PLACEMENTS = `
WITH news AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS s("seUuid" text, "vsUuid" text, "vipId" text, epoch bigint,
    observed text, code text, reason text, holder text, "connectionsLeft" bigint, "connectionsReset" bigint)
), changed AS (
  UPDATE placement p SET observed = s.observed, code = s.code, reason = s.reason, holder = s.holder,
         connections_left = s."connectionsLeft", connections_reset = s."connectionsReset",
         changed_at = clock_timestamp()
  FROM news s
  WHERE p.se_uuid = s."seUuid" AND p.vs_uuid = s."vsUuid" AND p.vip_id = s."vipId" AND s.epoch >= p.epoch
    AND (p.observed, p.code, p.reason, p.holder, p.connections_left, p.connections_reset)
        IS DISTINCT FROM (s.observed, s.code, s.reason, s.holder, s."connectionsLeft", s."connectionsReset")
  RETURNING p.*)
SELECT * FROM changed`;

const VERDICTS = `
WITH changed AS (
  INSERT INTO server_verdict AS v
    (se_uuid, pool_uuid, server, up, failure_code, failure_text, health_monitor_uuid, ssl_error_code, changed_at)
  SELECT s."seUuid", s."poolUuid", s.server, s.up, s."failureCode", s."failureText", s."healthMonitorUuid",
         s."sslErrorCode", to_timestamp(s."changedAt" / 1000.0)
  FROM jsonb_to_recordset($1::jsonb) AS s("seUuid" text, "poolUuid" text, server text, up boolean,
    "failureCode" text, "failureText" text, "healthMonitorUuid" text, "sslErrorCode" text, "changedAt" bigint)
  ON CONFLICT (se_uuid, pool_uuid, server) DO UPDATE SET up = excluded.up, failure_code = excluded.failure_code,
    failure_text = excluded.failure_text, health_monitor_uuid = excluded.health_monitor_uuid,
    ssl_error_code = excluded.ssl_error_code, changed_at = excluded.changed_at
  WHERE (v.up, v.failure_code, v.failure_text, v.health_monitor_uuid, v.ssl_error_code)
        IS DISTINCT FROM (excluded.up, excluded.failure_code, excluded.failure_text, excluded.health_monitor_uuid,
                          excluded.ssl_error_code)
  RETURNING v.se_uuid, v.pool_uuid, v.server, v.up, v.failure_code)
SELECT * FROM changed`;

interface PlacementRow {
  se_uuid: string;
  vs_uuid: string;
  vip_id: string;
  observed: ObservedPlacement;
  code: string;
  reason: string;
  holder: string;
  connections_left: string;
  connections_reset: string;
}

interface VerdictRow {
  se_uuid: string;
  pool_uuid: string;
  server: string;
  up: boolean;
  failure_code: string;
}

/**
 * What SEs say of their placements and servers, on its way to `placement.observed` and `server_verdict`: newest
 * first, one transaction at a time, kept until the database takes it. Events follow the commit.
 */
export class StatusIntake {
  readonly #writer: BatchWriter<string, Item>;
  #at = 0;

  constructor(
    private readonly dataSource: DataSource,
    private readonly events: SeEvents,
    onError: (error: unknown, size: number) => void,
  ) {
    this.#writer = new BatchWriter((batch) => this.#write([...batch.values()]), { delay: 0, onError });
  }

  /** Takes over a Status as it came. */
  status(seUuid: string, status: se.Status): void {
    if (status.full)
      this.#writer.set(`full ${seUuid}`, {
        at: this.#next(),
        type: 'full',
        seUuid,
        placements: status.placements.map((p) => `${p.virtualServiceUuid}#${p.vipId}`),
        servers: status.servers.map((s) => `${s.poolUuid}#${s.server}`),
      });
    for (const p of status.placements) this.placement(seUuid, newsOf(p));
    for (const s of status.servers)
      this.#writer.set(`verdict ${seUuid} ${s.poolUuid} ${s.server}`, {
        at: this.#next(),
        type: 'verdict',
        seUuid,
        status: s,
      });
  }

  placement(seUuid: string, status: PlacementNews): void {
    this.#writer.set(`placement ${seUuid} ${status.vsUuid} ${status.vipId}`, {
      at: this.#next(),
      type: 'placement',
      seUuid,
      status,
    });
  }

  /** The SE checks these servers of a pool and no others any more. */
  prune(seUuid: string, poolUuid: string, servers: readonly string[]): void {
    this.#writer.set(`prune ${seUuid} ${poolUuid}`, {
      at: this.#next(),
      type: 'prune',
      seUuid,
      poolUuid,
      servers,
    });
  }

  /** The SE is lost: what it said of its placements and servers counts no more. */
  forget(seUuid: string): void {
    this.#writer.set(`full ${seUuid}`, {
      at: this.#next(),
      type: 'full',
      seUuid,
      placements: [],
      servers: [],
    });
  }

  /** Resolves when what was told so far has been written, or tried. */
  written(): Promise<void> {
    return this.#writer.flush();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  #next(): number {
    this.#at += 1;
    return this.#at;
  }

  async #write(all: Item[]): Promise<void> {
    const items = withoutVoid(all);
    const of = <T extends Item['type']>(type: T) => items.filter((i): i is ItemOf<T> => i.type === type);
    const placements: PlacementRow[] = [];
    let verdicts: VerdictRow[] = [];
    const news = of('placement').map((i) => Object.assign({ seUuid: i.seUuid }, i.status));
    const fulls = of('full');
    await this.dataSource.transaction(async (manager: EntityManager) => {
      if (news.length > 0 || fulls.length > 0)
        await manager.query(LOCK_PLACEMENTS, [fulls.map((f) => f.seUuid), JSON.stringify(news)]);
      for (const full of fulls) {
        placements.push(
          ...(await rows<PlacementRow>(manager, FORGOTTEN_PLACEMENTS, [
            full.seUuid,
            full.placements,
            PROBLEM_CODES,
          ])),
        );
        await manager.query(FORGOTTEN_VERDICTS, [full.seUuid, full.servers]);
      }
      const prune = of('prune');
      if (prune.length > 0) await manager.query(PRUNE_VERDICTS, [JSON.stringify(prune)]);
      if (news.length > 0)
        placements.push(...(await rows<PlacementRow>(manager, PLACEMENTS, [JSON.stringify(news)])));
      const said = of('verdict').map((i) => Object.assign({ seUuid: i.seUuid }, i.status));
      if (said.length > 0) verdicts = await rows<VerdictRow>(manager, VERDICTS, [JSON.stringify(said)]);
    });
    for (const row of placements) this.events.emit('placementObserved', observedEvent(row));
    for (const row of verdicts) this.events.emit('serverVerdict', verdictEvent(row));
  }
}

/** Leaves out what an SE said before a full status, or of servers before they were pruned. */
function withoutVoid(items: readonly Item[]): Item[] {
  const full = new Map<string, number>();
  const pruned = new Map<string, ItemOf<'prune'>>();
  for (const item of items) {
    if (item.type === 'full') full.set(item.seUuid, item.at);
    if (item.type === 'prune') pruned.set(`${item.seUuid} ${item.poolUuid}`, item);
  }
  return items.filter((item) => {
    const before = item.at < (full.get(item.seUuid) ?? 0);
    if (item.type === 'placement') return !before || isProblem(item.status.code);
    if (item.type !== 'verdict') return true;
    const prune = pruned.get(`${item.seUuid} ${item.status.poolUuid}`);
    const gone = prune !== undefined && item.at < prune.at && !prune.servers.includes(item.status.server);
    return !before && !gone;
  });
}

const isProblem = (code: string): boolean => (PROBLEM_CODES as readonly string[]).includes(code);

const rows = <T>(manager: EntityManager, sql: string, parameters: unknown[]): Promise<T[]> =>
  manager.query(sql, parameters);

function newsOf(p: se.PlacementStatus): PlacementNews {
  return {
    vsUuid: p.virtualServiceUuid,
    vipId: p.vipId,
    epoch: p.epoch,
    observed: OBSERVED[p.state],
    code: p.code,
    reason: p.reason,
    holder: p.holder,
    connectionsLeft: p.connectionsLeft,
    connectionsReset: p.connectionsReset,
  };
}

const observedEvent = (row: PlacementRow): PlacementObserved => ({
  seUuid: row.se_uuid,
  vsUuid: row.vs_uuid,
  vipId: row.vip_id,
  observed: row.observed,
  code: row.code,
  reason: row.reason,
  holder: row.holder,
  connectionsLeft: Number(row.connections_left),
  connectionsReset: Number(row.connections_reset),
});

const verdictEvent = (row: VerdictRow): ServerVerdictChanged => ({
  seUuid: row.se_uuid,
  poolUuid: row.pool_uuid,
  server: row.server,
  up: row.up,
  failureCode: row.failure_code,
});
