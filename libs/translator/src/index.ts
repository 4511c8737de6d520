export * from './types.js';
export { refUuid } from './read.js';
export { FragmentCache, type Translatable } from './fragment-cache.js';
export { SnapshotSource, type SeSnapshot, type Unserved } from './snapshot-source.js';
export { HEARTBEAT_INTERVAL } from './settings.js';
export { translateVirtualService } from './virtual-service.js';
export { translatePool } from './pool.js';
export { translatePoolGroup } from './pool-group.js';
export {
  POOL_GROUP_STATE_KIND,
  type PoolGroupState,
  poolGroupStateOf,
  poolGroupStateUuid,
} from './pool-group-state.js';
export { upRuleOf, type UpRule } from './up-rule.js';
export { translateHealthMonitor } from './health-monitor.js';
export { TICKET_SECRETS, type TicketSecrets } from './tls/ticket-keys.js';
export * from './problems.js';
export { OCSP_RESPONSE_KIND, ocspResponseOf, type OcspResponse } from './tls/ocsp.js';
export { addressRange } from './address.js';
export {
  nameOf,
  namesOf,
  RESOLVED_NAME,
  type ResolvedAddress,
  type ResolvedName,
  resolvedNameUuid,
} from './sources/names.js';
export { gracefulTimeout } from './server-life.js';
