import type { Feed, LatencyState } from '@spillway/balancing';
import { SERVER_STATE_I32 } from '@spillway/telemetry';
import { TICK_MS } from './clock.js';
import type { ServerLink } from './connection.js';
import type { PlaneContext } from './context.js';

/** What the workers share of what algorithms learn about the servers of these slots. */
export function latencyState(
  { mapping, block, clock, transport }: PlaneContext,
  slots: Int32Array,
): LatencyState {
  return {
    words: mapping.i32,
    first: Int32Array.from(slots, (slot) => mapping.stateI32(slot) + SERVER_STATE_I32.LATENCY),
    work: block.work,
    clock,
    now: () => transport.now(),
  };
}

/**
 * Counts what is under way anew, now that some of it has gone on; returns the sum.
 * @param now by the coarse clock: what began in the last tick has only begun
 */
export function agedWork(feed: Feed, links: readonly ServerLink[], now: number): number {
  let sum = 0;
  for (const link of links) {
    const age = Math.max(0, now - link.takenAt - TICK_MS);
    link.work = feed.workLeft(link.kind ?? 0, age * 1000);
    sum += link.work;
  }
  return sum;
}
