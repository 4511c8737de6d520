import type { HealthMonitor } from '@spillway/snapshot';

/**
 * What one monitor knows of one server in one pool. Counts belong to (pool, server), also where one probe serves
 * several pools ("A server in two pools", pools document).
 */
export interface MonitorState {
  readonly status: 'unknown' | 'up' | 'down';
  /** Good checks in a row, as far as they matter; 0 after a bad one. */
  readonly passed: number;
  /** Bad checks in a row, as far as they matter; 0 after a good one. */
  readonly failed: number;
}

export const UNCHECKED: MonitorState = { status: 'unknown', passed: 0, failed: 0 };

export type Thresholds = Pick<HealthMonitor, 'successful_checks' | 'failed_checks'>;

/** A server that says itself that it is in maintenance is taken out at once. */
export const MAINTENANCE: Pick<Thresholds, 'failed_checks'> = { failed_checks: 1 };

/**
 * The state after one more check. A server that was never down is admitted by its first good check;
 * `successful_checks` in a row bring it back from down, `failed_checks` in a row take it down. The same state is
 * given back when nothing has changed.
 */
export function afterCheck(state: MonitorState, ok: boolean, limits: Thresholds): MonitorState {
  const passed = ok ? Math.min(state.passed + 1, limits.successful_checks) : 0;
  const failed = ok ? 0 : Math.min(state.failed + 1, limits.failed_checks);
  const status = statusAfter(state, ok, passed, failed, limits);
  return status === state.status && passed === state.passed && failed === state.failed
    ? state
    : { status, passed, failed };
}

function statusAfter(
  { status }: MonitorState,
  ok: boolean,
  passed: number,
  failed: number,
  limits: Thresholds,
): MonitorState['status'] {
  if (ok) return status === 'down' && passed < limits.successful_checks ? 'down' : 'up';
  return failed >= limits.failed_checks ? 'down' : status;
}

/**
 * True while the next check is due at once: in the first round, and after the first good check of a server that
 * was down ("quickly sends additional checks").
 */
export const wantsQuickCheck = (state: MonitorState): boolean =>
  state.status === 'unknown' || (state.status === 'down' && state.passed > 0);

export type Verdict = 'unknown' | 'up' | 'down';

/**
 * The verdict on a server, from all its monitors.
 *
 * A monitor that has not spoken yet does not change what was known before: a server that was up stays up while a
 * monitor that was just added makes its first round, and a new server waits for it.
 *
 * @param needed monitors that must pass; absent: all of them (`min_health_monitors_up`).
 */
export function serverVerdict(
  before: Verdict,
  monitors: readonly MonitorState[],
  needed: number | undefined,
): Verdict {
  const want = Math.min(needed ?? monitors.length, monitors.length);
  const up = monitors.filter((m) => m.status === 'up').length;
  const open = monitors.filter((m) => m.status === 'unknown').length;
  if (up >= want) return 'up';
  return up + open >= want ? before : 'down';
}

/** Milliseconds between two checks of the first round. */
export const QUICK_INTERVAL = 100;
/** Share of the steady interval by which a check may come earlier or later. */
const JITTER = 0.1;

/**
 * When the next check is made: `quick` while something is being found out, `first` for the first one on the interval
 * after that, `steady` for all others.
 */
export type Pace = 'quick' | 'first' | 'steady';

/** Milliseconds between two checks that others rely on: never more than the interval. */
export const sharedDelay = (sendInterval: number, random: number): number =>
  Math.round(sendInterval * (1 - JITTER * random));

/**
 * Milliseconds from the start of one check to the start of the next. Only the steady interval is spread; its first
 * check comes at any moment of it, so that servers that came together are not checked in one burst.
 *
 * @param random in [0, 1)
 */
export function nextDelay(pace: Pace, sendInterval: number, random: number): number {
  if (pace === 'quick') return Math.min(QUICK_INTERVAL, sendInterval);
  if (pace === 'first') return Math.round(sendInterval * (JITTER + (1 - JITTER) * random));
  return Math.round(sendInterval * (1 + JITTER * (2 * random - 1)));
}
