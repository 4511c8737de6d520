import { Injectable } from '@nestjs/common';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { status } from '@spillway/protocol';
import { stream } from './calls.js';
import { type Entry, eventOf, type Picture, stateKey } from './picture.js';
import { StatusBoard } from './status-board.js';
import { type Viewer, Viewers } from './viewer.js';

type WatchCall = ServerWritableStream<status.WatchRequest, status.StatusEvent>;

/** Shortest interval at which figures are repeated, in milliseconds. */
const SHORTEST_INTERVAL = 100;

/** The typed status stream. */
@Injectable()
export class StatusService {
  constructor(
    private readonly board: StatusBoard,
    private readonly viewers: Viewers,
  ) {}

  readonly implementation: status.StatusServer = {
    watch: (call: WatchCall) => stream(call, async () => this.#watch(call, await this.viewers.of(call))),
  };

  #watch(call: WatchCall, viewer: Viewer): () => void {
    const subscriber = new Subscriber(call, viewer);
    const unwatch = this.board.watch((picture) => subscriber.show(picture));
    const every = call.request.intervalMs;
    const timer =
      every === 0
        ? undefined
        : setInterval(
            () => void this.board.read().then((picture) => subscriber.repeat(picture)),
            Math.max(every, SHORTEST_INTERVAL),
          ).unref();
    call.on('drain', () => subscriber.flush());
    return () => {
      clearInterval(timer);
      unwatch();
    };
  }
}

/** One watcher: what it was told, and what waits until its stream takes more, newest only. */
export class Subscriber {
  readonly #told = new Map<string, string>();
  readonly #waiting = new Map<string, status.StatusEvent>();
  #synced = false;
  #full = false;

  constructor(
    private readonly call: Pick<WatchCall, 'write' | 'request'>,
    private readonly viewer: Viewer,
  ) {}

  /** Tells what changed since the last picture; after the first one, that it is complete. */
  show(picture: Picture | undefined): void {
    if (picture === undefined) return;
    for (const [name, entry] of picture) {
      if (!this.#wants(name, entry)) continue;
      const key = stateKey(entry);
      if (this.#told.get(name) === key) continue;
      this.#told.set(name, key);
      this.#waiting.set(name, eventOf(entry));
    }
    for (const name of this.#told.keys()) {
      const entry = picture.get(name);
      if (entry !== undefined && this.#wants(name, entry)) continue;
      this.#told.delete(name);
      this.#waiting.set(name, { body: { $case: 'removed', value: { name } } });
    }
    if (!this.#synced) this.#waiting.set('', { body: { $case: 'synced', value: {} } });
    this.#synced = true;
    this.flush();
  }

  /** Tells the figures of all SEs again. */
  repeat(picture: Picture | undefined): void {
    if (!this.#synced) return;
    for (const [name, entry] of picture ?? [])
      if (entry.kind === 'serviceengine' && this.#wants(name, entry)) this.#waiting.set(name, eventOf(entry));
    this.flush();
  }

  flush(): void {
    this.#full = false;
    for (const [name, event] of this.#waiting) {
      if (this.#full) return;
      this.#waiting.delete(name);
      this.#full = !this.call.write(event);
    }
  }

  #wants(name: string, entry: Entry): boolean {
    if (!this.viewer(entry)) return false;
    const { serviceEngines, virtualServices } = this.call.request;
    if (serviceEngines.length === 0 && virtualServices.length === 0) return true;
    const asked = entry.kind === 'serviceengine' ? serviceEngines : virtualServices;
    return asked.includes(name.slice(entry.kind.length + 1));
  }
}
