import type { Deferred, Transport } from '../transport/seam.js';
import type { Room } from './room.js';

/** Milliseconds between two looks at what other workers have done, while somebody waits for it. */
const LOOK_MS = 4;

/** The rooms of the running configuration. */
export class Rooms implements Deferred {
  private rooms: readonly Room[] = [];
  private stop: (() => void) | null = null;

  constructor(private readonly transport: Transport) {}

  set(rooms: readonly Room[]): void {
    this.rooms = rooms;
  }

  /** Somebody waits, or is waited for. */
  lookSoon(): void {
    this.stop ??= this.transport.every(LOOK_MS, this);
  }

  run(): void {
    let again = false;
    for (const room of this.rooms) if (room.mustLook && room.look()) again = true;
    if (!again) this.close();
  }

  tick(): void {
    for (const room of this.rooms) room.tick();
  }

  close(): void {
    this.stop?.();
    this.stop = null;
  }
}
