import { CONTROL_PER_USE, RESET_BURST, RESET_MEMORY, RESETS_PER_SECOND } from './limits.js';

/** How much of what costs us and brings the peer nothing is put up with; 0 is no bound. */
export interface AllowanceLimits {
  /** Control frames beyond those that go with use. */
  readonly controlFrames: number;
  /** Empty DATA frames that end nothing. */
  readonly emptyData: number;
  /** Control frames that wait for a socket that takes nothing. */
  readonly queuedFrames: number;
}

/** Counts what floods are made of. Each question is answered with false when the peer has overdone it. */
export class Allowance {
  private controlLeft: number;
  private emptyLeft: number;
  private queued = 0;
  private resetsLeft = RESET_BURST;
  private resetsAt = 0;
  /** Streams that we have reset lately. */
  private ids: Int32Array | null = null;
  private nextId = 0;

  constructor(private readonly limits: AllowanceLimits) {
    this.controlLeft = limits.controlFrames;
    this.emptyLeft = limits.emptyData;
  }

  /** A control frame has come. */
  control(): boolean {
    return this.limits.controlFrames === 0 || --this.controlLeft >= 0;
  }

  /** A frame of use has come or gone: more control frames are in order. */
  used(): void {
    const { controlFrames } = this.limits;
    if (this.controlLeft < controlFrames)
      this.controlLeft = Math.min(controlFrames, this.controlLeft + CONTROL_PER_USE);
  }

  /** A DATA frame has come that holds nothing and ends nothing. */
  empty(): boolean {
    return this.limits.emptyData === 0 || --this.emptyLeft >= 0;
  }

  /** An answer to a control frame has to wait, since the peer does not read. */
  waits(): boolean {
    return this.limits.queuedFrames === 0 || ++this.queued <= this.limits.queuedFrames;
  }

  /** The peer has read everything. */
  drained(): void {
    this.queued = 0;
  }

  /** A stream ends by a reset: a burst of them is in order, and some each second. */
  reset(now: number): boolean {
    const earned = ((now - this.resetsAt) * RESETS_PER_SECOND) / 1000;
    this.resetsLeft = Math.min(RESET_BURST, this.resetsLeft + earned) - 1;
    this.resetsAt = now;
    return this.resetsLeft >= 0;
  }

  /** We have reset that stream: frames for it may still be on their way. */
  remember(id: number): void {
    this.ids ??= new Int32Array(RESET_MEMORY);
    this.ids[this.nextId++ % RESET_MEMORY] = id;
  }

  wasReset(id: number): boolean {
    return this.ids !== null && this.ids.includes(id);
  }
}
