import type { PlacementStatus as WorkerPlacement } from '@spillway/proxy';
import type { Placement } from '@spillway/snapshot';

/** Whether VIP and ports are this SE's to listen on. */
export type ClaimState =
  | { state: 'pending' }
  | { state: 'held' }
  | { state: 'failed'; code: string; reason: string; holder: string };

/** What this SE makes of one placement, for the controller. */
export interface ObservedPlacement {
  virtualServiceUuid: string;
  vipId: string;
  state: 'pending' | 'prepared' | 'active' | 'draining' | 'drained' | 'failed';
  epoch: number;
  code: string;
  reason: string;
  holder: string;
  connectionsLeft: number;
  connectionsReset: number;
}

/** All that the state of a placement follows from. */
export interface PlacementFacts {
  placement: Placement;
  /** Its virtual service is enabled. */
  enabled: boolean;
  claim: ClaimState;
  /** A first round of health checks is done. */
  checked: boolean;
  /** The row of each live worker; undefined where a worker has none. */
  workers: readonly (WorkerPlacement | undefined)[];
  /** Every live worker runs the configuration that holds this placement as it is. */
  applied: boolean;
  /** Who listens where a worker could not. */
  holder: string;
  connectionsReset: number;
}

const BY_ERRNO: Record<string, string> = {
  EADDRINUSE: 'VIP_IN_USE',
  EACCES: 'VIP_PORT_PRIVILEGED',
  EADDRNOTAVAIL: 'VIP_NOT_LOCAL',
};

const CLOSED_WHILE_DOWN = 'nobody can connect here while the virtual service is down';

/** The state of a placement over all workers. */
export function observe(facts: PlacementFacts): ObservedPlacement {
  const { placement, claim, workers } = facts;
  const base: ObservedPlacement = {
    virtualServiceUuid: placement.virtual_service_uuid,
    vipId: placement.vip_id,
    state: 'pending',
    epoch: placement.epoch,
    code: '',
    reason: '',
    holder: '',
    connectionsLeft: 0,
    connectionsReset: facts.connectionsReset,
  };
  const left = workers.reduce((sum, w) => sum + (w?.connections ?? 0), 0);
  if (placement.state === 'drain') {
    const done = workers.every((w) => (w === undefined ? facts.applied : w.state === 'drained'));
    return { ...base, state: done ? 'drained' : 'draining', connectionsLeft: left };
  }
  if (claim.state === 'failed') {
    const { code, reason, holder } = claim;
    return { ...base, state: 'failed', code, reason, holder };
  }
  if (claim.state === 'pending' || !facts.checked) return base;
  // Not wanted to serve, but it may have served until now: what is connected is being drained.
  if (placement.state === 'prepare' || !facts.enabled)
    return { ...base, state: left > 0 ? 'draining' : 'prepared', connectionsLeft: left };
  const failed = workers.find((w) => w?.state === 'failed')?.error;
  if (failed !== undefined) {
    const by = facts.holder === '' ? '' : `, by ${facts.holder}`;
    const code = BY_ERRNO[failed.code] ?? 'LISTEN_FAILED';
    return { ...base, state: 'failed', code, reason: `${failed.message}${by}`, holder: facts.holder };
  }
  const up = workers.length > 0 && workers.every((w) => w?.state === 'active');
  if (!up) return { ...base, state: 'prepared' };
  return workers.some((w) => w?.down === true)
    ? { ...base, state: 'active', code: 'VS_DOWN', reason: CLOSED_WHILE_DOWN }
    : { ...base, state: 'active' };
}

/** True when the two say the same to the controller. */
export const sameObservation = (a: ObservedPlacement, b: ObservedPlacement): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
