import type { FilledServiceEngine, FilledServiceEngineGroup } from '@spillway/model';
import type { Settings } from '@spillway/snapshot';
import { clamp, filledMessage, follow } from './read.js';
import { error, failed, type Lookup, type Translated, warning } from './types.js';

/** Heartbeat of an SE to the controller, in milliseconds. */
export const HEARTBEAT_INTERVAL = 1000;

/** What an SE is told about itself and its group. */
export function translateSettings(seUuid: string, clusterUuid: string, lookup: Lookup): Translated {
  const se = lookup.get(seUuid);
  if (se?.kind !== 'serviceengine')
    return failed(error('SE_MISSING', '', `service engine ${seUuid} does not exist`));
  const spec = se.spec as FilledServiceEngine;
  const found = follow(lookup, spec.se_group_ref, 'serviceenginegroup');
  const group = filledMessage<FilledServiceEngineGroup>('ServiceEngineGroup', found?.spec);
  const body: Settings = {
    se_uuid: seUuid,
    se_name: se.name,
    cluster_uuid: clusterUuid,
    se_group_uuid: found?.uuid ?? 'none',
    vip_distribution: group.vip_distribution,
    dp_hb_frequency: clamp(group.dp_hb_frequency, 10, 60_000),
    dp_hb_timeout_count: clamp(group.dp_hb_timeout_count, 2, 1000),
    heartbeat_interval: HEARTBEAT_INTERVAL,
  };
  const problems =
    found === undefined
      ? [warning('SE_GROUP_MISSING', 'se_group_ref', `SE group ${spec.se_group_ref ?? ''} does not exist`)]
      : [];
  return { fragment: { type: 'settings', key: 'self', body }, uses: [], problems };
}
