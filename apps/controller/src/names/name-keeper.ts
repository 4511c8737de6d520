import type { Ask } from './answer.js';
import { ttlOf } from './resolved-name.js';

/** Waits after answers of no use, in milliseconds: each twice the one before. */
const RETRY = { first: 1_000, most: 30_000 } as const;
/** Names that are asked for at a time. */
const MOST_AT_ONCE = 64;

interface Kept {
  timer: NodeJS.Timeout | undefined;
  /** Answers of no use in a row. */
  failures: number;
  busy: boolean;
  /** It was wanted again while it was asked for. */
  again: boolean;
}

/** Asks for names when their records run out. What becomes of the answers is somebody else's. */
export class NameKeeper {
  private readonly names = new Map<string, Kept>();
  private readonly queue: string[] = [];
  private asking = 0;
  private closed = false;

  /** @param take gets each answer; what it resolves to is waited for before the name's next turn */
  constructor(
    private readonly ask: Ask,
    private readonly take: (name: string, answer: Awaited<ReturnType<Ask>>) => Promise<void>,
    private readonly onError: (name: string, error: unknown) => void,
  ) {}

  /** These names and no others; new ones are asked for at once. */
  keep(wanted: Iterable<string>): void {
    const names = new Set(wanted);
    for (const [name, kept] of this.names) {
      if (names.has(name)) continue;
      clearTimeout(kept.timer);
      this.names.delete(name);
    }
    for (const name of names) {
      if (this.names.has(name)) continue;
      this.names.set(name, { timer: undefined, failures: 0, busy: false, again: false });
      this.due(name);
    }
  }

  /** Asks for all names now: what they are asked of has changed. */
  refresh(): void {
    for (const [name, kept] of this.names) {
      clearTimeout(kept.timer);
      if (kept.busy) kept.again = true;
      else this.due(name);
    }
  }

  close(): void {
    this.closed = true;
    for (const kept of this.names.values()) clearTimeout(kept.timer);
    this.names.clear();
    this.queue.length = 0;
  }

  private due(name: string): void {
    const kept = this.names.get(name);
    if (kept === undefined || kept.busy || this.queue.includes(name)) return;
    this.queue.push(name);
    this.pump();
  }

  private pump(): void {
    while (this.asking < MOST_AT_ONCE) {
      const name = this.queue.shift();
      if (name === undefined) return;
      const kept = this.names.get(name);
      if (kept === undefined || kept.busy) continue;
      void this.turn(name, kept);
    }
  }

  private async turn(name: string, kept: Kept): Promise<void> {
    this.asking++;
    kept.busy = true;
    let seconds: number | undefined;
    try {
      const answer = await this.ask(name);
      await this.take(name, answer);
      seconds = ttlOf(answer);
    } catch (error) {
      this.onError(name, error);
    }
    this.asking--;
    kept.busy = false;
    if (!this.closed) this.plan(name, kept, seconds);
    this.pump();
  }

  private plan(name: string, kept: Kept, seconds: number | undefined): void {
    if (this.names.get(name) !== kept) return;
    kept.failures = seconds === undefined ? kept.failures + 1 : 0;
    if (kept.again) {
      kept.again = false;
      this.due(name);
      return;
    }
    const pause =
      seconds === undefined
        ? Math.min(RETRY.most, RETRY.first * 2 ** Math.min(kept.failures - 1, 16))
        : seconds * 1000;
    kept.timer = setTimeout(() => this.due(name), pause);
    kept.timer.unref();
  }
}
