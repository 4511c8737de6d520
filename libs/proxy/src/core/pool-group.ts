import type { PoolGroup as Spec } from '@spillway/snapshot';
import { FailAction } from '../http/fail-action.js';
import type { Pool } from './pool.js';
import type { ServerRuntime } from './server.js';

interface Member {
  readonly pool: Pool;
  readonly priority: number;
  readonly ratio: number;
  /** How much it is behind its share. */
  due: number;
}

/** A pool group under one configuration: which of its pools the next request goes to. */
export class PoolGroup {
  /** The highest priority first. */
  private readonly members: readonly Member[];
  /** Of what its pools cannot serve; null: that of the pool that was chosen. */
  readonly failAction: FailAction | null;
  /** So many servers are to be had by taking in lower priorities. */
  private readonly wanted: number;

  /**
   * @param pools of all members, by uuid
   * @param previous what the group was before, to go on where its turns are
   * @param turn where the first turn is, other than that of other workers, so that few requests are shared out too
   */
  constructor(
    readonly spec: Spec,
    pools: ReadonlyMap<string, Pool>,
    previous: PoolGroup | null,
    turn = 0,
  ) {
    const due = new Map(previous?.members.map((m) => [m.pool.spec.uuid, m.due]));
    const off = new Set(spec.deactivate_on_down?.pool_uuids);
    this.members = spec.members
      .map(({ pool_uuid, priority, ratio }) => ({
        pool: pools.get(pool_uuid)!,
        priority,
        ratio: off.has(pool_uuid) ? 0 : ratio,
        due: due.get(pool_uuid) ?? 0,
      }))
      .sort((a, b) => b.priority - a.priority);
    this.failAction = FailAction.of(spec.fail_action);
    if (previous === null) this.begin(turn);
    this.wanted = Math.max(1, spec.min_servers);
  }

  private begin(turn: number): void {
    const { members } = this;
    for (let start = 0, end = 0; start < members.length; start = end) {
      while (end < members.length && members[end]!.priority === members[start]!.priority) end++;
      for (let n = 0; n < turn; n++) turnOf(members, start, end, isTaking);
    }
  }

  /** What is done with requests for which none of its pools can be named. */
  get lastResort(): FailAction | null {
    return this.failAction ?? this.members[0]?.pool.failAction ?? null;
  }

  /** The server of that hint, of whichever of its pools has it, when it may be used; null otherwise. */
  byHint(hint: number): ServerRuntime | null {
    for (const { pool } of this.members) {
      const server = pool.byHint(hint);
      if (server !== null) return server;
    }
    return null;
  }

  /**
   * The pool for a request: among those that can serve, of the highest priority that has any, by their ratios. Lower
   * priorities take part as long as the pools so far have fewer servers than the group wants. When none can serve,
   * one that says why; null when the group takes nothing.
   */
  choose(): Pool | null {
    const { members } = this;
    let servers = 0;
    let end = 0;
    while (end < members.length && servers < this.wanted) {
      const { priority } = members[end]!;
      for (; end < members.length && members[end]!.priority === priority; end++)
        if (members[end]!.ratio > 0) servers += members[end]!.pool.available();
    }
    return this.next(end) ?? members.find((m) => m.ratio > 0)?.pool ?? null;
  }

  private next(end: number): Pool | null {
    return turnOf(this.members, 0, end, canServe)?.pool ?? null;
  }
}

const isTaking = (member: Member): boolean => member.ratio > 0;
const canServe = (member: Member): boolean => member.ratio > 0 && member.pool.available() > 0;

/** The next in turn of those members that may take it: turns are spread, each as often as its ratio says. */
function turnOf(
  members: readonly Member[],
  start: number,
  end: number,
  mayTake: (member: Member) => boolean,
): Member | null {
  let best: Member | null = null;
  let total = 0;
  for (let i = start; i < end; i++) {
    const member = members[i]!;
    if (!mayTake(member)) continue;
    total += member.ratio;
    member.due += member.ratio;
    if (best === null || member.due > best.due) best = member;
  }
  if (best !== null) best.due -= total;
  return best;
}
