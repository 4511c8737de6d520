import type { ServerRuntime } from '../core/server.js';

/** Calls that one client's flow or connection is remembered with; the one that was quiet longest gives way. */
export const MOST_CALLS = 4096;
/** Calls of all clients of a worker: some 50 MB. Beyond, a client with more than FEW_CALLS gives up its own. */
export const MOST_CALLS_IN_ALL = 262_144;
const FEW_CALLS = 16;

interface Call {
  readonly server: ServerRuntime;
  /** Milliseconds, of the coarse clock. */
  usedAt: number;
}

/** What the calls of one worker have in common. */
export class CallCount {
  /** Calls that are remembered. */
  size = 0;
}

/** Of this worker. */
export const callsOfWorker = new CallCount();

/**
 * Which server each call of one flow or connection is with (pools document, Callid): it stays there until nothing has
 * come for the transaction time-out, and no longer than the flow or the connection lives. Two calls whose ids have the
 * same hash share a server.
 */
export class Calls {
  /** By the hash of the Call-ID; the one that was quiet longest first. */
  private readonly calls = new Map<number, Call>();

  /**
   * @param timeout milliseconds without a message after which a call is forgotten
   * @param evicted called for each call that has to give way before that
   */
  constructor(
    private readonly timeout: number,
    private readonly evicted: () => void,
    private readonly all: CallCount = callsOfWorker,
  ) {}

  get size(): number {
    return this.calls.size;
  }

  /** The server of a call from which a message has come; null for one that is not known, or whose server is gone. */
  find(key: number, now: number): ServerRuntime | null {
    const call = this.take(key);
    if (call === undefined) return null;
    const { server } = call;
    if (now - call.usedAt >= this.timeout || server.isDown || server.state === 'disabled') return null;
    call.usedAt = now;
    this.put(key, call);
    return server;
  }

  /** A call is with that server from now on. */
  set(key: number, server: ServerRuntime, now: number): void {
    this.take(key);
    this.put(key, { server, usedAt: now });
    for (const [oldest, { usedAt }] of this.calls) {
      const live = now - usedAt < this.timeout;
      if (live && !this.tooMany) break;
      this.take(oldest);
      if (live) this.evicted();
    }
  }

  /** The flow or the connection is over. */
  close(): void {
    this.all.size -= this.calls.size;
    this.calls.clear();
  }

  private get tooMany(): boolean {
    const { size } = this.calls;
    return size > MOST_CALLS || (size > FEW_CALLS && this.all.size > MOST_CALLS_IN_ALL);
  }

  private take(key: number): Call | undefined {
    const call = this.calls.get(key);
    if (call !== undefined) {
      this.calls.delete(key);
      this.all.size--;
    }
    return call;
  }

  private put(key: number, call: Call): void {
    this.calls.set(key, call);
    this.all.size++;
  }
}
