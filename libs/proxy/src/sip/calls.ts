import type { ServerRuntime } from '../core/server.js';

/** Calls that one client's flow or connection is remembered with; the one that was quiet longest gives way. */
export const MOST_CALLS = 4096;

interface Call {
  readonly server: ServerRuntime;
  /** Milliseconds, of the coarse clock. */
  usedAt: number;
}

/**
 * Which server each call of one flow or connection is with (pools document, Callid): it stays there until nothing has
 * come for the transaction time-out, and no longer than the flow or the connection lives. Two calls whose ids have the
 * same hash share a server.
 */
export class Calls {
  /** By the hash of the Call-ID; the one that was quiet longest first. */
  private readonly calls = new Map<number, Call>();

  /** @param timeout milliseconds without a message after which a call is forgotten */
  constructor(private readonly timeout: number) {}

  get size(): number {
    return this.calls.size;
  }

  /** The server of a call from which a message has come; null for one that is not known, or whose server is gone. */
  find(key: number, now: number): ServerRuntime | null {
    const call = this.calls.get(key);
    if (call === undefined) return null;
    this.calls.delete(key);
    const { server } = call;
    if (now - call.usedAt >= this.timeout || server.isDown || server.state === 'disabled') return null;
    call.usedAt = now;
    this.calls.set(key, call);
    return server;
  }

  /** A call is with that server from now on. */
  set(key: number, server: ServerRuntime, now: number): void {
    this.calls.delete(key);
    this.calls.set(key, { server, usedAt: now });
    for (const [oldest, { usedAt }] of this.calls) {
      if (this.calls.size <= MOST_CALLS && now - usedAt < this.timeout) break;
      this.calls.delete(oldest);
    }
  }
}
