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
  /** Agent: TASKS less the requests that all workers had sent by then, so that one store makes both count anew. */
  TASKS_FROM: 3,
  /** Agent: since when THROTTLE is set, milliseconds since the epoch of Unix time; 0 while it is not. */
  THROTTLED_AT: 3,
} as const;

/** Words of the record (Int32), after its doubles. */
export const SERVER_STATE_I32 = {
  /** Turns of round robin that all workers have taken together (wrapping), for the pool whose first server this is. */
  TURN: 6,
  /** Agent: what the passive monitor leaves of its share (`throttleWord`). */
  THROTTLE: 8,
  /** First of six words about how fast it answers, see `LATENCY_WORD` of `libs/balancing`. */
  LATENCY: 9,
} as const;

const WHOLE = 10_000;

/** A share as THROTTLE holds it: in ten-thousandths, 0 for a whole one. */
export const throttleWord = (share: number): number =>
  share >= 1 ? 0 : Math.min(WHOLE - 1, Math.max(1, Math.round(share * WHOLE)));

/** The share that a word says; what is no share is a whole one. */
export const throttleShare = (word: number): number => (word > 0 && word < WHOLE ? word / WHOLE : 1);
