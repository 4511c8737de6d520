import { rampShare, type Ramp, type ServerTable } from '@spillway/balancing';
import { SERVER_STATE_F64, SERVER_STATE_I32, throttleShare } from '@spillway/telemetry';
import { TICK_MS, Timed } from './clock.js';
import type { PlaneContext } from './context.js';

/**
 * Gives the eligible servers of a pool their shares, and those that are not eligible 0. Shares are relative: where
 * nobody has a full one, as when all have come back at once, they are raised until the greatest is full.
 */
export class Shares extends Timed {
  /** Some share grows with time alone. */
  private moving = false;

  /** @param again called when what `fill` gave is out of date, once for each time */
  constructor(
    private readonly context: PlaneContext,
    private readonly ramp: Ramp | undefined,
    private readonly slots: Int32Array,
    private readonly again: () => void,
  ) {
    super();
  }

  /**
   * Fills in `table.shares` and `table.reduced` by `table.eligible`, and says when that is to be done again.
   * @returns whether anything has changed
   */
  fill(table: ServerTable): boolean {
    const { eligible, shares, count } = table;
    const now = this.ramp === undefined ? 0 : this.context.transport.now();
    this.moving = false;
    let most = 0;
    for (let i = 0; i < count; i++) if (eligible[i] === 1) most = Math.max(most, this.shareOf(i, now));
    let changed = false;
    let reduced = false;
    for (let i = 0; i < count; i++) {
      // The agent may have changed a throttle since the greatest was found.
      const share = eligible[i] === 1 ? Math.min(1, this.shareOf(i, now) / most) : 0;
      if (share > 0 && share < 1) reduced = true;
      if (shares[i] === share) continue;
      shares[i] = share;
      changed = true;
    }
    table.reduced = reduced;
    if (this.moving) this.context.clock.arm(this, TICK_MS);
    return changed;
  }

  override onTimeout(): void {
    this.again();
  }

  /** The pool is gone. */
  close(): void {
    this.context.clock.forget(this);
  }

  /** By its ramp, and what the passive monitor leaves of it. */
  private shareOf(place: number, now: number): number {
    const { mapping } = this.context;
    const at = mapping.stateI32(this.slots[place]!) + SERVER_STATE_I32.THROTTLE;
    return this.rampOf(place, now) * throttleShare(mapping.i32[at]!);
  }

  private rampOf(place: number, now: number): number {
    if (this.ramp === undefined) return 1;
    const { mapping } = this.context;
    const admitted = mapping.f64[mapping.stateF64(this.slots[place]!) + SERVER_STATE_F64.ADMITTED_AT]!;
    if (admitted === 0) return 1;
    const share = rampShare(now - admitted, this.ramp);
    if (share < 1) this.moving = true;
    return share;
  }
}
