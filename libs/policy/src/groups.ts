import type { AddressGroup, StringGroup } from '@spillway/snapshot';

/** Where rules find the groups that they refer to. */
export interface Groups {
  readonly strings: ReadonlyMap<string, StringGroup>;
  readonly addresses: ReadonlyMap<string, AddressGroup>;
}

/** A policy that cannot be compiled; `path` names the place in it. */
export class PolicyError extends Error {
  readonly code = 'POLICY_INVALID';
  constructor(
    readonly path: string,
    readonly detail: string,
  ) {
    super(`${path}: ${detail}`);
    this.name = 'PolicyError';
  }
}
