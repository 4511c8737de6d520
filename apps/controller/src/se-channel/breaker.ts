/** An SE that could be declared down now. */
export interface Candidate {
  seUuid: string;
  group: string;
  reason: string;
  /** Its processes are known to have ended. */
  fenced: boolean;
}

export interface Verdict {
  down: Candidate[];
  /** Groups that lost too many SEs at once, with those that are not given up for that. */
  held: Map<string, Candidate[]>;
}

interface Loss {
  seUuid: string;
  at: number;
}

/** Losses this close together are one incident, in milliseconds. */
const INCIDENT = 30_000;

/**
 * Stops mass failover: when more than half of the SEs of a group (and more than one) seem lost at once, it is rather
 * the controller or the network between that is at fault, and the SEs go on serving. They are held until they come
 * back, or for `holdFor` milliseconds. SEs whose processes are known to have ended are never held.
 */
export class FailoverBreaker {
  readonly #losses = new Map<string, Loss[]>();
  readonly #heldSince = new Map<string, number>();

  /** `up` counts the SEs of a group that are not down, the candidates among them. `now` is in milliseconds. */
  decide(
    now: number,
    candidates: readonly Candidate[],
    up: (group: string) => number,
    holdFor: number,
  ): Verdict {
    const verdict: Verdict = { down: candidates.filter((c) => c.fenced), held: new Map() };
    const unproven = Map.groupBy(
      candidates.filter((c) => !c.fenced),
      (c) => c.group,
    );
    for (const group of this.#heldSince.keys()) if (!unproven.has(group)) this.#heldSince.delete(group);
    for (const [group, lost] of unproven) {
      const before = (this.#losses.get(group) ?? []).filter((l) => now - l.at < INCIDENT);
      const total = lost.length + before.length;
      const since = this.#heldSince.get(group);
      const many = total > 1 && total * 2 > up(group) + before.length;
      // Once held, until the last one is back: while they return one by one, those still missing are ever fewer.
      if ((many || since !== undefined) && now - (since ?? now) < holdFor) {
        this.#heldSince.set(group, since ?? now);
        verdict.held.set(group, lost);
      } else {
        verdict.down.push(...lost);
        this.#losses.set(group, [...before, ...lost.map((c) => ({ seUuid: c.seUuid, at: now }))]);
      }
    }
    return verdict;
  }
}
