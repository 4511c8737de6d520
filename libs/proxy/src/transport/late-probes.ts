/** A socket that wants TCP keep-alive probes. */
export interface Probed {
  /** Asks the system for them, if the connection is still there. */
  probe(): void;
}

/** Milliseconds after which a connection counts as one that lasts. */
const LASTS_MS = 1000;

/**
 * Turns on TCP keep-alive for connections that last. That takes four system calls, and probes begin after a minute of
 * silence at the earliest, so the many connections that are over within a second go without.
 */
export class LateProbes {
  private young: Probed[] = [];
  private scheduled = false;

  add(socket: Probed): void {
    this.young.push(socket);
    if (this.scheduled) return;
    this.scheduled = true;
    setTimeout(() => this.run(), LASTS_MS).unref();
  }

  private run(): void {
    this.scheduled = false;
    const sockets = this.young;
    this.young = [];
    for (const socket of sockets) socket.probe();
  }
}
