type Json = Record<string, unknown>;

/** `OperationalStatus.state` of the published API, as far as we use it. */
export type OperState =
  | 'OPER_UP'
  | 'OPER_DOWN'
  | 'OPER_DISABLED'
  | 'OPER_UNUSED'
  | 'OPER_CREATING'
  | 'OPER_RESOURCES'
  | 'OPER_INITIALIZING'
  | 'OPER_DISABLING'
  | 'OPER_PARTITIONED';

export interface OperStatus {
  readonly state: OperState;
  /** Why it is not simply up, for people; several where several things matter. */
  readonly reasons: readonly string[];
  /** Stable code of the first reason, where there is one. */
  readonly code?: string;
  /** When that which decides the state changed last. */
  readonly changedAt?: Date | undefined;
}

export const status = (
  state: OperState,
  reasons: readonly string[] = [],
  more: { code?: string; changedAt?: Date | undefined } = {},
): OperStatus => ({ state, reasons, ...more });

/** `TimeStamp` of the published API. */
export const timeStamp = (at: Date): Json => ({
  secs: Math.floor(at.getTime() / 1000),
  usecs: (at.getTime() % 1000) * 1000,
});

/**
 * Numbers of the codes that pools, pool groups and virtual services have, for clients that compare numbers; they never
 * change. 0 stands for every other code and for none.
 */
const REASON_CODES: ReadonlyMap<string, number> = new Map([
  ['NOT_ENOUGH_SERVERS_UP', 1],
  ['NO_SERVERS', 2],
  ['SERVERS_FULL', 3],
  ['SERVERS_HELD_BACK', 4],
  ['POOL_DOWN', 5],
  ['NOT_ENOUGH_POOLS_UP', 6],
  ['POOLS_DOWN', 7],
  ['REDIRECTS_ONLY', 8],
  ['POOL_INITIALIZING', 9],
  ['PRIMARY_POOL_DEACTIVATED', 10],
  ['VS_DOWN', 11],
]);

export function showStatus(s: OperStatus): Json {
  return {
    state: s.state,
    reason_code: REASON_CODES.get(s.code ?? '') ?? 0,
    ...(s.reasons.length === 0 ? {} : { reason: s.reasons }),
    ...(s.code === undefined || s.code === '' ? {} : { reason_code_string: s.code }),
    ...(s.changedAt === undefined ? {} : { last_changed_time: timeStamp(s.changedAt) }),
  };
}

export const newest = (...dates: readonly (Date | null | undefined)[]): Date | undefined => {
  let found: Date | undefined;
  for (const date of dates) if (date && (found === undefined || date > found)) found = date;
  return found;
};

/**
 * Health, minimal: what is up is 100, what is down 0, anything in between its share. Performance, resources and
 * anomalies are not measured yet, so nothing is taken off for them, and the reply says so.
 */
export function healthScore(s: OperStatus, percentUp: number): Json {
  const score = s.state === 'OPER_UP' ? Math.max(1, Math.min(100, Math.round(percentUp))) : 0;
  return {
    health_score: score,
    performance_score: score,
    anomaly_penalty: 0,
    resources_penalty: 0,
    security_penalty: 0,
    reason: 'availability only: performance, resources and anomalies are not measured yet',
  };
}
