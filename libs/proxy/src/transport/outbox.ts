import { copyInto } from '../bytes.js';

/** Something that the outbox holds bytes of. */
export interface Sender {
  /** The outbox has bytes of it; set by the outbox, cleared by `sendHeldBack`. */
  heldBack: boolean;
  /** Its bytes are `data[start..end)`, valid during the call; it may have ended since. Must not throw. */
  sendHeldBack(data: Uint8Array, start: number, end: number): void;
}

/** Larger writes are not worth a copy. */
const MOST_HELD_BACK = 16 * 1024;
/** Stays in the cache of a core. */
const CAPACITY = 128 * 1024;

/**
 * Holds small writes back until all sockets that were ready together have been served, and then sends them one after
 * the other. Receiving in a row and sending in a row keeps the kernel's code for either in the cache, and whoever
 * waits on the other side is woken once for many messages rather than for each: a third more small requests per core.
 * Nothing waits longer than until the event loop comes round.
 */
export class Outbox {
  private readonly bytes = Buffer.allocUnsafeSlow(CAPACITY);
  private readonly senders: (Sender | null)[] = [];
  private readonly ends: number[] = [];
  private length = 0;
  private count = 0;
  private scheduled = false;
  private readonly run = (): void => {
    this.scheduled = false;
    this.flush();
  };

  /** @param schedule runs a task when the sockets that are ready now have been served */
  constructor(private readonly schedule: (task: () => void) => void) {}

  /** Takes bytes to send later. False: not these, or not now; what is held of this sender must be flushed first. */
  take(sender: Sender, data: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length > MOST_HELD_BACK) return false;
    if (this.length + length > CAPACITY) this.flush();
    if (!sender.heldBack) {
      this.senders[this.count++] = sender;
      sender.heldBack = true;
      if (!this.scheduled) {
        this.scheduled = true;
        this.schedule(this.run);
      }
    } else if (this.senders[this.count - 1] !== sender) return false;
    copyInto(this.bytes, this.length, data, start, end);
    this.length += length;
    this.ends[this.count - 1] = this.length;
    return true;
  }

  /** Sends what is held. A sender may not write from within `sendHeldBack`. */
  flush(): void {
    const { count, senders, ends, bytes } = this;
    this.count = 0;
    this.length = 0;
    for (let i = 0, at = 0; i < count; i++) {
      const sender = senders[i]!;
      senders[i] = null;
      sender.sendHeldBack(bytes, at, ends[i]!);
      at = ends[i]!;
    }
  }
}
