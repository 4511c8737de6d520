import type { Socket } from '../transport/seam.js';

/** Round trips that a worker may measure per tick: each is a system call. */
const PER_TICK = 64;

/** Asks the kernel for round trips, now and then. */
export class RttSampler {
  private left = PER_TICK;

  /** Microseconds; -1 when it is not known, or enough were asked for in this tick. */
  of(socket: Socket): number {
    if (this.left === 0) return -1;
    this.left--;
    return socket.roundTrip();
  }

  /** Call on every tick. */
  tick(): void {
    this.left = PER_TICK;
  }
}

/** An average in which a new sample weighs an eighth. */
export const smoothed = (average: number, sample: number): number =>
  average === 0 ? sample : average + (sample - average) / 8;
