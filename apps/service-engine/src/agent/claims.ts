import type { Placement, Snapshot, VirtualService } from '@spillway/snapshot';
import { VipError, type VipClaim, type VipDistribution } from '@spillway/vip';
import type { Logger } from '../log/logger.js';
import { placementKeyOf } from './keys.js';
import type { ClaimState } from './placement-state.js';

/** A holder of the same cluster may be about to leave: so long it is waited for before that is a failure. */
const PASSING = 2_000;

interface Entry {
  claim: VipClaim;
  state: ClaimState;
  /** Since when it has been in the way of a claim that may pass. */
  since: number;
}

/** Keeps the claims of this SE in step with its placements. */
export class Claims {
  readonly #entries = new Map<string, Entry>();

  constructor(
    private readonly distribution: VipDistribution,
    private readonly log: Logger,
  ) {}

  stateOf(key: string): ClaimState {
    return this.#entries.get(key)?.state ?? { state: 'pending' };
  }

  /** True while a claim is missing that may be had later. */
  get unsettled(): boolean {
    return [...this.#entries.values()].some((e) => e.state.state !== 'held');
  }

  /**
   * Claims what the snapshot wants. Never rejects: what cannot be had is told by `stateOf`.
   *
   * @returns whether the state of any claim has changed
   */
  async prepare(snapshot: Snapshot, now: number): Promise<boolean> {
    const services = new Map(snapshot.virtual_services.map((v) => [v.uuid, v]));
    const wanted: Entry[] = [];
    for (const p of snapshot.placements) {
      if (p.state === 'drain') continue;
      const claim = claimOf(p, services.get(p.virtual_service_uuid));
      const key = placementKeyOf(p);
      const before = this.#entries.get(key);
      if (claim === undefined || (before?.state.state === 'held' && same(before.claim, claim))) continue;
      const again = before !== undefined && before.state.state !== 'held' && same(before.claim, claim);
      const entry: Entry = {
        claim,
        state: before?.state ?? { state: 'pending' },
        since: again ? before.since : now,
      };
      this.#entries.set(key, entry);
      wanted.push(entry);
    }
    const errors = await this.#ask(wanted.map((e) => e.claim));
    let changed = false;
    for (const [i, entry] of wanted.entries()) changed = this.#took(entry, errors[i], now) || changed;
    return changed;
  }

  /** What does not serve any more is given back. Called when every worker runs the snapshot. */
  async settle(snapshot: Snapshot, isDrained: (key: string) => boolean): Promise<void> {
    const wanted = new Map(snapshot.placements.map((p) => [placementKeyOf(p), p]));
    for (const [key, entry] of this.#entries) {
      const placement = wanted.get(key);
      if (placement === undefined || (placement.state === 'drain' && isDrained(key))) {
        this.#entries.delete(key);
        await this.distribution.release(entry.claim.virtualServiceUuid, entry.claim.vipId);
      } else if (placement.state === 'drain') await this.distribution.withdraw(entry.claim);
      else if (entry.state.state === 'held') await this.distribution.admit(entry.claim);
    }
  }

  async close(): Promise<void> {
    this.#entries.clear();
    await this.distribution.close();
  }

  /** Trouble that is nobody's claim, such as a lack of descriptors, is told for each. */
  async #ask(claims: VipClaim[]): Promise<(Error | undefined)[]> {
    try {
      return await this.distribution.prepare(claims);
    } catch (error) {
      const trouble = error instanceof Error ? error : new Error(String(error));
      return claims.map(() => trouble);
    }
  }

  #took(entry: Entry, error: Error | undefined, now: number): boolean {
    const before = entry.state;
    entry.state = this.#stateAfter(entry, error, now);
    if (JSON.stringify(before) === JSON.stringify(entry.state)) return false;
    if (entry.state.state === 'failed')
      this.log.error('a VIP cannot be served here', { vip: entry.claim.addresses.join(', '), error });
    return true;
  }

  #stateAfter(entry: Entry, error: Error | undefined, now: number): ClaimState {
    if (error === undefined) return { state: 'held' };
    const known = error instanceof VipError ? error : undefined;
    if (known?.passing === true && now - entry.since < PASSING) return { state: 'pending' };
    return {
      state: 'failed',
      code: known?.code ?? 'VIP_CLAIM_FAILED',
      reason: error.message,
      holder: known?.holder ?? '',
    };
  }
}

function claimOf(p: Placement, service: VirtualService | undefined): VipClaim | undefined {
  const addresses = service?.vips.filter((v) => v.vip_id === p.vip_id).map((v) => v.address) ?? [];
  if (service === undefined || addresses.length === 0) return undefined;
  return {
    virtualServiceUuid: service.uuid,
    virtualServiceName: service.name,
    vipId: p.vip_id,
    addresses,
    services: service.services.map((s) => ({
      protocol: (s.application ?? service.application).type === 'udp' ? 'udp' : 'tcp',
      port: s.port,
      port_range_end: s.port_range_end,
    })),
  };
}

const same = (a: VipClaim, b: VipClaim): boolean =>
  JSON.stringify([a.addresses, a.services]) === JSON.stringify([b.addresses, b.services]);
