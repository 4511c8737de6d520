import type { se } from '@spillway/protocol';
import { errors } from '../errors.js';
import type { ControllerBody, SeSession } from './session.js';

/** Milliseconds that an SE has for its answer; its workers have less. */
const TIMEOUT = 10_000;

/** Rows of one SE: what its connections are doing, in the order of its workers, or its servers. */
export interface InspectionResult {
  connections: Record<string, unknown>[];
  /** There may be more than were asked for. */
  truncated: boolean;
  /** Workers that did not answer in time. */
  silent_workers: number[];
}

interface Pending {
  session: SeSession;
  rows: Record<string, unknown>[];
  resolve: (result: InspectionResult) => void;
}

/** Questions to SEs about their connections and servers, and the answers as they come in parts. */
export class Inspections {
  #id = 0;
  readonly #pending = new Map<number, Pending>();

  /** @throws 503 when the SE does not answer in time */
  ask(session: SeSession, virtualServiceUuid: string, limit: number): Promise<InspectionResult> {
    return this.#ask(session, (id) => ({ $case: 'inspect', value: { id, virtualServiceUuid, limit } }));
  }

  /**
   * What the monitors of a pool's servers say on one SE: one row per server.
   * @param server only this one, with what was said in its last checks; empty for all
   * @throws 503 when the SE does not answer in time
   */
  async monitors(session: SeSession, poolUuid: string, server: string): Promise<Record<string, unknown>[]> {
    const { connections } = await this.#ask(session, (id) => ({
      $case: 'inspectMonitors',
      value: { id, poolUuid, server },
    }));
    return connections;
  }

  async #ask(session: SeSession, question: (id: number) => ControllerBody): Promise<InspectionResult> {
    const id = ++this.#id;
    const { promise, resolve, reject } = Promise.withResolvers<InspectionResult>();
    const timer = setTimeout(
      () => reject(errors.unavailable(`service engine ${session.seName} does not answer; try again`)),
      TIMEOUT,
    );
    this.#pending.set(id, { session, rows: [], resolve });
    try {
      await session.send(question(id));
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /** A part of an answer has come; one that nobody waits for is dropped. */
  take(session: SeSession, part: se.Inspection): void {
    const pending = this.#pending.get(part.id);
    if (pending?.session !== session) return;
    pending.rows.push(...rowsOf(part.connections));
    if (part.last)
      pending.resolve({
        connections: pending.rows,
        truncated: part.truncated,
        silent_workers: part.silentWorkers,
      });
  }
}

/** What is not a list of objects is left out: it comes from another program. */
function rowsOf(bytes: Uint8Array): Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return Array.isArray(value)
      ? value.filter((v): v is Record<string, unknown> => v !== null && typeof v === 'object')
      : [];
  } catch {
    return [];
  }
}
