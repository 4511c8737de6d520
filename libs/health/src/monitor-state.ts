import type { HealthMonitor } from '@spillway/snapshot';

/**
 * What one monitor knows of one server in one pool. Counts belong to (pool, server), also where one probe serves
 * several pools ("A server in two pools", pools document).
 */
export interface MonitorState {
  readonly status: 'unknown' | 'up' | 'down';
  /** Good checks in a row; 0 after a bad one. */
  readonly passed: number;
  /** Bad checks in a row; 0 after a good one. */
  readonly failed: number;
}

export const UNCHECKED: MonitorState = { status: 'unknown', passed: 0, failed: 0 };

export type Thresholds = Pick<HealthMonitor, 'successful_checks' | 'failed_checks'>;

/** A server that says itself that it is in maintenance is taken out at once. */
export const MAINTENANCE: Pick<Thresholds, 'failed_checks'> = { failed_checks: 1 };

/**
 * The state after one more check. A server that was never down is admitted by its first good check;
 * `successful_checks` in a row bring it back from down, `failed_checks` in a row take it down.
 */
export function afterCheck(state: MonitorState, ok: boolean, limits: Thresholds): MonitorState {
  const passed = ok ? state.passed + 1 : 0;
  const failed = ok ? 0 : state.failed + 1;
  if (ok)
    return state.status === 'down' && passed < limits.successful_checks
      ? { status: 'down', passed, failed }
      : { status: 'up', passed, failed };
  return failed >= limits.failed_checks
    ? { status: 'down', passed, failed }
    : { status: state.status, passed, failed };
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
 * Milliseconds from the start of one check to the start of the next. Only the steady interval is spread, so that
 * many servers are not checked in one burst for ever.
 *
 * @param random in [0, 1)
 */
export function nextDelay(quick: boolean, sendInterval: number, random: number): number {
  if (quick) return Math.min(QUICK_INTERVAL, sendInterval);
  return Math.round(sendInterval * (1 + JITTER * (2 * random - 1)));
}
