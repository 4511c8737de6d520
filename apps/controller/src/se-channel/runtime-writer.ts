import type { DataSource } from 'typeorm';
import type { SeRuntime } from '../database/entities/index.js';
import { BatchWriter } from './batch.js';

/** Columns of `se_runtime` to change, numbers and dates as JSON has them. */
export type RuntimePatch = Partial<
  Omit<
    { [K in keyof SeRuntime]: SeRuntime[K] extends Date | null ? string | null : SeRuntime[K] },
    'se_uuid' | 'session_id' | 'last_seen' | 'changed_at'
  >
>;

/** What was known of an SE before it attached. */
export interface Before {
  bootId: string;
  operState: string;
}

interface Update {
  session: string;
  /** The row belongs to this session from now on, whoever held it. */
  attach: boolean;
  patch: RuntimePatch;
  /** Called after the commit, in the order of the calls. */
  after: ((before: Before | undefined) => void)[];
}

const INSERT = `
INSERT INTO se_runtime (se_uuid) SELECT jsonb_array_elements_text($1::jsonb) ON CONFLICT (se_uuid) DO NOTHING`;

const BEFORE =
  'SELECT se_uuid, boot_id, oper_state FROM se_runtime WHERE se_uuid = ANY($1::text[]) FOR UPDATE';

const COLUMNS = `connected, oper_state, oper_reason, boot_id, version, epoch, generation, last_nack, host, modes, advice,
  public_key_fingerprint, certificate_serial, certificate_not_after, heartbeat`;

const UPDATE = `
UPDATE se_runtime r SET (${COLUMNS}, session_id, last_seen, changed_at) = (
  SELECT ${COLUMNS.replaceAll(/\w+/g, 'p.$&')}, s.session, clock_timestamp(),
         CASE WHEN s.changed THEN clock_timestamp() ELSE r.changed_at END
  FROM jsonb_populate_record(r, s.patch) p)
FROM jsonb_to_recordset($1::jsonb) AS s("seUuid" text, session text, attach boolean, changed boolean, patch jsonb)
WHERE r.se_uuid = s."seUuid" AND (s.attach OR r.session_id = s.session)`;

/**
 * Writes `se_runtime` for the sessions of this replica, newest values in one statement. A session that another one
 * took over from, here or on another replica, writes nothing any more.
 */
export class RuntimeWriter {
  readonly #writer: BatchWriter<string, Update>;

  constructor(
    private readonly dataSource: DataSource,
    /** Milliseconds that small news waits for company. */
    delay: number,
    onError: (error: unknown, size: number) => void,
  ) {
    this.#writer = new BatchWriter((batch) => this.#write(batch), { delay, merge, onError });
  }

  attach(seUuid: string, session: string, patch: RuntimePatch, after: (before: Before) => void): void {
    this.#writer.set(seUuid, {
      session,
      attach: true,
      patch,
      after: [(before) => after(before ?? { bootId: '', operState: 'OPER_DOWN' })],
    });
    void this.#writer.flush();
  }

  /** `soon` writes at once, otherwise with the next batch. */
  set(seUuid: string, session: string, patch: RuntimePatch, after?: () => void, soon = false): void {
    this.#writer.set(seUuid, { session, attach: false, patch, after: after ? [after] : [] });
    if (soon) void this.#writer.flush();
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  async #write(batch: ReadonlyMap<string, Update>): Promise<void> {
    const attaching = [...batch].filter(([, u]) => u.attach).map(([seUuid]) => seUuid);
    const rows = [...batch].map(([seUuid, u]) => ({
      seUuid,
      session: u.session,
      attach: u.attach,
      changed: Object.keys(u.patch).some((column) => column !== 'heartbeat'),
      patch: u.patch,
    }));
    const before = new Map<string, Before>();
    if (attaching.length === 0) await this.dataSource.query(UPDATE, [JSON.stringify(rows)]);
    else
      await this.dataSource.transaction(async (manager) => {
        await manager.query(INSERT, [JSON.stringify(attaching)]);
        const known: { se_uuid: string; boot_id: string; oper_state: string }[] = await manager.query(
          BEFORE,
          [attaching],
        );
        for (const row of known) before.set(row.se_uuid, { bootId: row.boot_id, operState: row.oper_state });
        await manager.query(UPDATE, [JSON.stringify(rows)]);
      });
    for (const [seUuid, update] of batch) for (const after of update.after) after(before.get(seUuid));
  }
}

/** News of a session on top of what waits; news of a session that was replaced meanwhile is void. */
function merge(waiting: Update, later: Update): Update {
  const after = [...waiting.after, ...later.after];
  if (later.attach) return { ...later, after };
  if (later.session !== waiting.session) return { ...waiting, after };
  return {
    session: waiting.session,
    attach: waiting.attach,
    patch: { ...waiting.patch, ...later.patch },
    after,
  };
}
