import { follow } from './read.js';
import type { Lookup } from './types.js';

/** What became of the primary pools of a group; the controller's own, beside the group. Not a published kind. */
export const POOL_GROUP_STATE_KIND = 'poolgroupstate';

export const poolGroupStateUuid = (groupUuid: string): string => `${POOL_GROUP_STATE_KIND}-${groupUuid}`;

/** Primary pools that went down and are not used until somebody says so (`deactivate_primary_pool_on_down`). */
export interface PoolGroupState {
  /** Raised whenever somebody says so. */
  readonly cleared: number;
  readonly deactivated: readonly {
    readonly pool_uuid: string;
    /** The SE that found it down first. */
    readonly se_uuid: string;
    /** ISO 8601. */
    readonly at: string;
  }[];
}

const NOTHING: PoolGroupState = { cleared: 0, deactivated: [] };

export const poolGroupStateOf = (groupUuid: string, lookup: Lookup): PoolGroupState =>
  (follow(lookup, poolGroupStateUuid(groupUuid), POOL_GROUP_STATE_KIND)?.spec as
    | PoolGroupState
    | undefined) ?? NOTHING;
