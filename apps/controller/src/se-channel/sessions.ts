import type { se } from '@spillway/protocol';
import type { SeSession } from './session.js';

/** Who wants to know of the streams that this replica holds. Calls are in the order of what happened. */
export interface SessionListener {
  attached(session: SeSession): void;
  detached(session: SeSession): void;
  ack(session: SeSession, ack: se.Ack): void;
  nack(session: SeSession, nack: se.Nack): void;
}

/** The streams that this replica holds, at most one per SE. */
export class SeSessions {
  readonly #bySe = new Map<string, SeSession>();
  readonly #listeners = new Set<SessionListener>();

  listen(listener: SessionListener): void {
    this.#listeners.add(listener);
    for (const session of this.#bySe.values()) listener.attached(session);
  }

  get(seUuid: string): SeSession | undefined {
    return this.#bySe.get(seUuid);
  }

  all(): IterableIterator<SeSession> {
    return this.#bySe.values();
  }

  get size(): number {
    return this.#bySe.size;
  }

  /** Takes a new stream in; an older one of the same SE is told and ended first. */
  attach(session: SeSession): void {
    this.#bySe.get(session.seUuid)?.end('replaced', {
      $case: 'goodbye',
      value: { reason: 'a newer stream of this service engine took over' },
    });
    this.#bySe.set(session.seUuid, session);
    for (const listener of this.#listeners) listener.attached(session);
  }

  /** False when it is not the current stream of its SE: whoever replaced it has seen to everything. */
  detach(session: SeSession): boolean {
    if (this.#bySe.get(session.seUuid) !== session) return false;
    this.#bySe.delete(session.seUuid);
    for (const listener of this.#listeners) listener.detached(session);
    return true;
  }

  ack(session: SeSession, ack: se.Ack): void {
    for (const listener of this.#listeners) listener.ack(session, ack);
  }

  nack(session: SeSession, nack: se.Nack): void {
    for (const listener of this.#listeners) listener.nack(session, nack);
  }
}
