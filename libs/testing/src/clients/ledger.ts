import type { ClientConnection } from '../http/connection.js';
import { now } from '../http/connection.js';
import { type FailureReason, RequestAborted, RequestFailure } from '../http/failure.js';
import type { DrainNotice } from './config.js';
import { Histogram } from './histogram.js';

/** What is known of one connection. */
export interface ConnectionRecord {
  id: number;
  localPort: number;
  se?: string;
  openedAt: number;
  /** `Connection: close` was read. */
  announcedAt?: number;
  closedAt?: number;
  ended: ClientConnection['ended'];
  requests: number;
}

/** One request, for reports. */
export interface RequestRecord {
  startedAt: number;
  endedAt: number;
  /** Id of its connection; absent when none came about. */
  connection?: number;
  /** Was the connection made for this request? */
  newConnection: boolean;
  bucket: 'ok' | 'failed' | 'cut_after_deadline';
  reason?: FailureReason;
  detail?: string;
  status?: number;
  se?: string;
  /** `X-Origin` of the response. */
  origin?: string;
}

/** One SE, as the clients saw it; times in ms since the epoch. */
export interface SeRecord {
  ok: number;
  /** Connections that this SE accepted. */
  connections: number;
  firstOkAt: number;
  lastOkAt: number;
  /** Opening of the last connection that this SE accepted. */
  lastConnectionAt: number;
}

/** A request under way. */
export interface Ticket {
  startedAt: number;
  newConnection: boolean;
  connection?: TrackedConnection;
  /** A long-lived request has had its first answer. */
  established?: boolean;
}

/** A connection with its number and, once known, its SE. */
export interface TrackedConnection {
  id: number;
  connection: ClientConnection;
  se?: string;
}

/** The deadline is the server's, told by another clock reading: what is cut this much before still counts as cut at it. */
export const DEADLINE_TOLERANCE = 50;

const CUT_REASONS = new Set<FailureReason>(['truncated', 'reset_before_response', 'closed_before_response']);

/** Was this failure the reset that a drain's deadline brings, on a connection of the draining SE? */
export function isCutAfterDeadline(
  failure: { reason: FailureReason; endedAt: number; connectionOpenedAt?: number; se?: string },
  drains: readonly DrainNotice[],
): boolean {
  const { reason, endedAt, connectionOpenedAt, se } = failure;
  if (connectionOpenedAt === undefined || !CUT_REASONS.has(reason)) return false;
  return drains.some(
    (drain) =>
      (drain.se === undefined || drain.se === se) &&
      endedAt >= drain.deadline - DEADLINE_TOLERANCE &&
      connectionOpenedAt < drain.deadline,
  );
}

interface Failure {
  ticket: Ticket;
  endedAt: number;
  failure: RequestFailure;
}

/** Counts every request of a group of clients exactly once. */
export class Ledger {
  readonly startedAt = now();
  sent = 0;
  ok = 0;
  aborted = 0;
  notSent = 0;
  /** Connections that ended with `Connection: close`, as they should. */
  announcedCloses = 0;
  readonly failures: Failure[] = [];
  readonly connections: TrackedConnection[] = [];
  readonly requests: { ticket: Ticket; endedAt: number; origin: string | undefined }[] = [];
  readonly latency = new Histogram();
  readonly connectLatency = new Histogram();
  readonly drains: DrainNotice[] = [];
  /** Successful requests on new connections: how many, and the longest time without one. */
  newConnections = { ok: 0, lastOkAt: now(), maxGap: 0, maxGapEndedAt: 0 };
  readonly origins: Record<string, number> = {};
  readonly ses: Record<string, SeRecord> = {};
  /** Normal, short-lived connections left out of the history. */
  forgotten = 0;
  #nextId = 1;

  constructor(private readonly keepRequests: boolean) {}

  get failed(): number {
    return this.failures.length;
  }

  get inFlight(): number {
    return this.sent - this.ok - this.failures.length - this.aborted;
  }

  /** A request begins (now, or when it was due). */
  begin(newConnection: boolean, startedAt = now()): Ticket {
    this.sent++;
    return { startedAt, newConnection };
  }

  opened(ticket: Ticket, connection: ClientConnection): TrackedConnection {
    const tracked: TrackedConnection = { id: this.#nextId++, connection };
    ticket.connection = tracked;
    this.connectLatency.add(connection.openedAt - ticket.startedAt);
    this.connections.push(tracked);
    if (this.connections.length > 20_000) this.#forgetNormal();
    return tracked;
  }

  succeed(ticket: Ticket, origin: string | undefined, se: string | undefined): void {
    const at = now();
    this.ok++;
    this.latency.add(at - ticket.startedAt);
    if (origin !== undefined) this.origins[origin] = (this.origins[origin] ?? 0) + 1;
    this.establish(ticket, at);
    if (se !== undefined && ticket.connection) this.served(ticket.connection, se);
    this.countForSe(ticket.connection, at);
    if (this.keepRequests) this.requests.push({ ticket, endedAt: at, origin });
  }

  /** A request on a new connection has got through (a long-lived one: has had its first answer). */
  establish(ticket: Ticket, at = now()): void {
    if (ticket.established) return;
    ticket.established = true;
    if (!ticket.newConnection) return;
    this.#gap(at);
    this.newConnections.ok++;
  }

  fail(ticket: Ticket, error: unknown): void {
    if (error instanceof RequestAborted) {
      this.aborted++;
      return;
    }
    const failure =
      error instanceof RequestFailure ? error : new RequestFailure('local', `client error: ${String(error)}`);
    this.failures.push({ ticket, endedAt: now(), failure });
  }

  /** `connection` is served by `se`. */
  served(connection: TrackedConnection, se: string): void {
    if (connection.se === se) return;
    connection.se = se;
    const record = this.#se(se);
    record.connections++;
    record.lastConnectionAt = Math.max(record.lastConnectionAt, connection.connection.openedAt);
  }

  countForSe(connection: TrackedConnection | undefined, at: number): void {
    if (connection?.se === undefined) return;
    const record = this.#se(connection.se);
    record.ok++;
    record.firstOkAt = Math.min(record.firstOkAt, at);
    record.lastOkAt = Math.max(record.lastOkAt, at);
  }

  /** Ends the last gap, at the end of the run. */
  close(): void {
    this.#gap(now());
  }

  #gap(at: number): void {
    const gap = at - this.newConnections.lastOkAt;
    if (gap > this.newConnections.maxGap) {
      this.newConnections.maxGap = gap;
      this.newConnections.maxGapEndedAt = at;
    }
    this.newConnections.lastOkAt = at;
  }

  #se(name: string): SeRecord {
    return (this.ses[name] ??= {
      ok: 0,
      connections: 0,
      firstOkAt: Number.MAX_SAFE_INTEGER,
      lastOkAt: 0,
      lastConnectionAt: 0,
    });
  }

  #forgetNormal(): void {
    const before = this.connections.length;
    const kept = this.connections.filter(
      (c, i) => c.connection.ended !== 'closed_by_us' || before - i < 1000,
    );
    this.forgotten += before - kept.length;
    this.connections.splice(0, before, ...kept);
  }
}
