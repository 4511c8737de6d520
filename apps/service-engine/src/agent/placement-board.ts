import type { Snapshot, VirtualService } from '@spillway/snapshot';
import type { Candidate } from './candidate.js';
import { DrainCount } from './drain-count.js';
import { placementKeyOf } from './keys.js';
import { observe, sameObservation, type ClaimState, type ObservedPlacement } from './placement-state.js';
import type { WorkerLink } from './worker-links.js';

/** What the state of the placements follows from at one moment. */
export interface Situation {
  candidate: Candidate;
  /** The SE is stopping: every placement drains. */
  stopping: boolean;
  /** The configuration that was handed over last. */
  sequence: number;
  live: readonly WorkerLink[];
  claimOf: (key: string) => ClaimState;
  /** The health of its servers is known. */
  isChecked: (key: string, service: VirtualService | undefined) => boolean;
}

/** Milliseconds between two reports of nothing but the number of connections left. */
const COUNT_PAUSE = 100;

/** Keeps the state of every placement, and tells what changed. */
export class PlacementBoard {
  readonly #observed = new Map<string, ObservedPlacement>();
  /** When each was last told of. */
  readonly #toldAt = new Map<string, number>();
  readonly #holders = new Map<string, string>();
  readonly #drains = new DrainCount();

  /**
   * @param holderOf who listens at an address
   * @param onHolder it was found out for some placement
   */
  constructor(
    private readonly holderOf: (address: string, port: number) => Promise<string>,
    private readonly onHolder: () => void,
  ) {}

  get placements(): ObservedPlacement[] {
    return [...this.#observed.values()];
  }

  stateOf(key: string): ObservedPlacement['state'] | undefined {
    return this.#observed.get(key)?.state;
  }

  /**
   * Another snapshot is wanted: drains begin and end with it.
   *
   * @returns keys of the placements that are gone
   */
  expect(snapshot: Snapshot, stopping: boolean, now: number): string[] {
    const wanted = new Map(snapshot.placements.map((p) => [placementKeyOf(p), p]));
    for (const [key, p] of wanted)
      if (p.state === 'drain' || stopping) this.#drains.begin(key, now, p.drain_timeout);
      else this.#drains.end(key);
    const gone = [...this.#observed.keys()].filter((key) => !wanted.has(key));
    for (const key of gone) {
      this.#observed.delete(key);
      this.#toldAt.delete(key);
      this.#holders.delete(key);
      this.#drains.end(key);
    }
    return gone;
  }

  /**
   * Works out the state of every placement.
   *
   * @returns what changed, and after how many milliseconds there is more to tell
   */
  look(situation: Situation, now: number): { changed: ObservedPlacement[]; pause: number | undefined } {
    // A worker that has just come and runs nothing yet changes nothing.
    const live = situation.live.filter((link) => link.applied > 0);
    const changed: ObservedPlacement[] = [];
    let pause: number | undefined;
    for (const placement of situation.candidate.snapshot.placements) {
      const key = placementKeyOf(placement);
      const next = this.#stateNow(key, placement, situation, live, now);
      const before = this.#observed.get(key);
      if (before !== undefined && sameObservation(before, next)) continue;
      const wait = before === undefined ? 0 : this.#wait(key, before, next, now);
      if (wait > 0) {
        pause = Math.min(pause ?? wait, wait);
        continue;
      }
      this.#observed.set(key, next);
      this.#toldAt.set(key, now);
      changed.push(next);
    }
    return { changed, pause };
  }

  #stateNow(
    key: string,
    placement: Snapshot['placements'][number],
    { candidate, stopping, sequence, claimOf, isChecked }: Situation,
    live: readonly WorkerLink[],
    now: number,
  ): ObservedPlacement {
    const service = candidate.services.get(placement.virtual_service_uuid);
    const workers = live.map((link) => link.placements.get(key));
    const left = workers.reduce((n, w) => n + (w?.connections ?? 0), 0);
    this.#drains.see(key, now, left);
    this.#findHolder(key, workers.find((w) => w?.error?.code === 'EADDRINUSE')?.error);
    return observe({
      placement: stopping ? { ...placement, state: 'drain' } : placement,
      enabled: service?.enabled === true,
      claim: claimOf(key),
      checked: isChecked(key, service),
      workers,
      applied: live.length > 0 && live.every((link) => link.applied >= sequence),
      holder: this.#holders.get(key) ?? '',
      connectionsReset: this.#drains.resetOf(key),
    });
  }

  /** In a drain the connections that are left change all the time: their number is told now and then. */
  #wait(key: string, before: ObservedPlacement, next: ObservedPlacement, now: number): number {
    if (!sameObservation({ ...before, connectionsLeft: next.connectionsLeft }, next)) return 0;
    return (this.#toldAt.get(key) ?? 0) + COUNT_PAUSE - now;
  }

  #findHolder(key: string, error: { address: string; port: number } | undefined): void {
    if (error === undefined) this.#holders.delete(key);
    else if (!this.#holders.has(key)) {
      this.#holders.set(key, '');
      void this.#lookForHolder(key, error);
    }
  }

  async #lookForHolder(key: string, { address, port }: { address: string; port: number }): Promise<void> {
    const holder = await this.holderOf(address, port);
    if (!this.#holders.has(key) || holder === '') return;
    this.#holders.set(key, holder);
    this.onHolder();
  }
}
