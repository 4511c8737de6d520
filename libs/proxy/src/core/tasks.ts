import type { TaskCounts } from '@spillway/balancing';
import { SERVER_STATE_F64, type Mapping } from '@spillway/telemetry';

/** How many tasks the servers of a pool have, from what the agent and all workers have written of them. */
export class Tasks implements TaskCounts {
  constructor(
    private readonly mapping: Mapping,
    private readonly slots: Int32Array,
  ) {}

  of(place: number): number {
    const { mapping } = this;
    const slot = this.slots[place]!;
    const state = mapping.stateF64(slot);
    if (mapping.f64[state + SERVER_STATE_F64.TASKS_AT] === 0) return -1;
    return Math.max(0, mapping.f64[state + SERVER_STATE_F64.TASKS_FROM]! + mapping.requestsOf(slot));
  }
}
