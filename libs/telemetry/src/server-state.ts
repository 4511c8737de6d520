/**
 * What all workers of an SE know of a server beside its counts: one record per server slot, written by more than one
 * process, each word by one atomic store. It survives every change of configuration and every worker; it is cleared
 * with the slot.
 */
export const SERVER_STATE_BYTES = 64;

/** Doubles of the record (Float64). */
export const SERVER_STATE_F64 = {
  /** Agent: when its first good check admitted it, on the clock of `transport.now()`; 0: it was there all along. */
  ADMITTED_AT: 0,
  /** Agent: tasks that its external monitor has told of last. */
  TASKS: 1,
  /** Agent: when it told so, on the same clock; 0: never. */
  TASKS_AT: 2,
} as const;

/** Words of the record (Int32), after its doubles. */
export const SERVER_STATE_I32 = {
  /** How far the passive monitor has taken back its share. */
  THROTTLE: 8,
  /** First of six words about how fast it answers, see `LATENCY_WORD` of `libs/balancing`. */
  LATENCY: 9,
  /** Somebody waits for a connection to it: whoever keeps an idle one closes it. */
  WANTED: 15,
} as const;
