import type { FilledPool } from '@spillway/model';
import type { Pool } from '@spillway/snapshot';
import { clamp } from './read.js';

/** Longest `connection_ramp_duration`, in minutes. */
const MOST_MINUTES = 300;
const MOST_SECONDS = MOST_MINUTES * 60;
/** A ramp of fewer units than that of the pools document is divided as that one is. */
const LEAST_UNITS = 4;

/**
 * The ramp of a pool: `connection_ramp_duration` in minutes, or our `connection_ramp_duration_secs` in its place. The
 * unit is that of the field.
 */
export function connectionRampOf(pool: FilledPool): Pick<Pool, 'connection_ramp'> {
  const { connection_ramp_duration_secs: seconds, connection_ramp_duration: minutes } = pool;
  const units = seconds === undefined ? clamp(minutes, 0, MOST_MINUTES) : clamp(seconds, 0, MOST_SECONDS);
  if (units === 0) return {};
  const duration = units * (seconds === undefined ? 60_000 : 1000);
  return { connection_ramp: { duration, units: Math.max(LEAST_UNITS, units) } };
}
