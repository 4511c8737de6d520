import { canonical, type Fragment, type FragmentId, fragmentId } from '@spillway/snapshot';
import type { se } from '@spillway/protocol';

export type Fragments = ReadonlyMap<FragmentId, Fragment>;

/** What an SE runs, as far as this replica knows. */
export interface Held {
  epoch: number;
  generation: number;
  fragments: Fragments;
}

/** One change that is on its way to an SE. */
export interface InFlight extends Held {
  full: boolean;
  put: Fragment[];
  remove: FragmentId[];
  /** `performance.now()` of its sending. */
  sentAt: number;
}

/** What has to be done next for one SE. */
export type Step = { type: 'wait' } | { type: 'current' } | { type: 'send'; change: InFlight };

/**
 * Where one SE's configuration stands: what it acked, what is in flight, what it refused. Pure bookkeeping; it sends
 * nothing. One change is in flight at a time, so what is wanted meanwhile is coalesced to the newest.
 */
export class SeDelivery {
  #held: Held | undefined;
  #inFlight: InFlight | undefined;
  /** The generation that was refused whole: nothing is sent until something newer is wanted. */
  #refused = -1;
  #refusedDelta = false;

  /** `known` is what the SE says it runs, when that is known here fragment by fragment. */
  constructor(known: Held | undefined) {
    this.#held = known;
  }

  get held(): Held | undefined {
    return this.#held;
  }

  get inFlight(): InFlight | undefined {
    return this.#inFlight;
  }

  /** What to do so that the SE runs `fragments`, which are current with this generation. */
  next(epoch: number, generation: number, fragments: Fragments, now: number): Step {
    if (this.#inFlight !== undefined) return { type: 'wait' };
    if (this.#refused >= generation && !this.#refusedDelta) return { type: 'wait' };
    // An SE whose object is not there yet has nothing to run.
    if (!fragments.has('settings/self')) return { type: 'wait' };
    const base = this.#held?.epoch === epoch && !this.#refusedDelta ? this.#held : undefined;
    const put = [...fragments.values()].filter((f) => base?.fragments.get(fragmentId(f)) !== f);
    const changed =
      base === undefined ? put : put.filter((f) => differs(base.fragments.get(fragmentId(f)), f));
    const remove = base === undefined ? [] : [...base.fragments.keys()].filter((id) => !fragments.has(id));
    if (base !== undefined && changed.length === 0 && remove.length === 0) {
      this.#held = { epoch, generation: base.generation, fragments };
      return { type: 'current' };
    }
    this.#inFlight = {
      epoch,
      generation,
      fragments,
      full: base === undefined,
      put: changed,
      remove,
      sentAt: now,
    };
    return { type: 'send', change: this.#inFlight };
  }

  /** The change that this answer is about; undefined when it is about none that is in flight. */
  ack(ack: se.Ack): InFlight | undefined {
    const change = this.#answered(ack);
    if (change === undefined) return undefined;
    this.#held = { epoch: change.epoch, generation: change.generation, fragments: change.fragments };
    this.#refused = -1;
    this.#refusedDelta = false;
    return change;
  }

  /** A refused delta is tried once more as a whole, in case the two ends disagree on what there was before. */
  nack(nack: se.Nack): InFlight | undefined {
    const change = this.#answered(nack);
    if (change === undefined) return undefined;
    this.#refused = change.generation;
    this.#refusedDelta = !change.full;
    return change;
  }

  #answered(answer: { epoch: number; generation: number }): InFlight | undefined {
    const change = this.#inFlight;
    if (change?.epoch !== answer.epoch || change.generation !== answer.generation) return undefined;
    this.#inFlight = undefined;
    return change;
  }
}

const differs = (before: Fragment | undefined, after: Fragment): boolean =>
  before === undefined || canonical(before.body) !== canonical(after.body);
