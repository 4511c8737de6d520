import type { NewEvent } from '../event/index.js';
import type { StoredObject } from '../store/index.js';

/** Something that is up or down now. */
export interface Observed {
  /** `redundancy`: a virtual service is on as many SEs as its group promises at least. */
  readonly kind: 'virtualservice' | 'pool' | 'server' | 'redundancy';
  readonly state: 'up' | 'down';
  /** The virtual service or pool. */
  readonly object: StoredObject;
  /** `address:port` of a server, else empty. */
  readonly server: string;
  readonly reasons: readonly string[];
}

const IDS = {
  virtualservice: { up: 'VS_UP', down: 'VS_DOWN' },
  pool: { up: 'POOL_UP', down: 'POOL_DOWN' },
  server: { up: 'SERVER_UP', down: 'SERVER_DOWN' },
  redundancy: { up: 'VS_SE_HA_ACTIVE', down: 'VS_SE_HA_COMPROMISED' },
} as const;

/** Every id that a change of state may be recorded under. */
export const STATE_EVENTS: readonly string[] = Object.values(IDS).flatMap((ids) => Object.values(ids));

const familyOf = (eventId: string): string => (eventId.startsWith('VS_SE_HA_') ? 'ha' : '');

/**
 * The events of what changed since it was recorded last. What was never recorded and is down is told too, except a
 * virtual service or pool that has not been up yet: it is still coming up.
 */
export function transitions(
  seen: ReadonlyMap<string, Observed>,
  last: readonly { event_id: string; obj_uuid: string; server: string }[],
): NewEvent[] {
  const before = new Map(last.map((e) => [`${e.obj_uuid} ${e.server} ${familyOf(e.event_id)}`, e.event_id]));
  const events: NewEvent[] = [];
  for (const o of seen.values()) {
    const eventId = IDS[o.kind][o.state];
    const recorded = before.get(`${o.object.uuid} ${o.server} ${familyOf(eventId)}`);
    if (recorded === eventId) continue;
    if (recorded === undefined && o.state === 'down' && o.kind !== 'server') continue;
    events.push(eventOf(eventId, o));
  }
  return events;
}

function eventOf(eventId: string, o: Observed): NewEvent {
  if (o.kind === 'redundancy')
    return {
      eventId,
      kind: 'virtualservice',
      objUuid: o.object.uuid,
      objName: o.object.name,
      tenantUuid: o.object.tenantUuid,
      description: `virtual service ${o.object.name} ${o.state === 'up' ? 'is on all the service engines it needs' : `is ${o.reasons.join('; ')}`}`,
      details: { reasons: o.reasons },
    };
  const what =
    o.kind === 'server'
      ? `server ${o.server} of pool ${o.object.name}`
      : `${o.kind === 'pool' ? 'pool' : 'virtual service'} ${o.object.name}`;
  const why = o.state === 'down' && o.reasons.length > 0 ? `: ${o.reasons.join('; ')}` : '';
  return {
    eventId,
    kind: o.kind === 'server' ? 'pool' : o.kind,
    objUuid: o.object.uuid,
    objName: o.object.name,
    tenantUuid: o.object.tenantUuid,
    description: `${what} is ${o.state}${why}`,
    details: { ...(o.server === '' ? {} : { server: o.server }), reasons: o.reasons },
  };
}
