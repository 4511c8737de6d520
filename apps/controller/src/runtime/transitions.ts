import type { NewEvent } from '../event/index.js';
import type { StoredObject } from '../store/index.js';

/** Something that is up or down now. */
export interface Observed {
  readonly kind: 'virtualservice' | 'pool' | 'server';
  readonly state: 'up' | 'down';
  /** The virtual service or pool. */
  readonly object: StoredObject;
  /** `address:port` of a server, else empty. */
  readonly server: string;
  readonly reasons: readonly string[];
}

const PREFIX = { virtualservice: 'VS', pool: 'POOL', server: 'SERVER' } as const;

/**
 * The events of what changed since it was recorded last. What was never recorded and is down is told too, except a
 * virtual service or pool that has not been up yet: it is still coming up.
 */
export function transitions(
  seen: ReadonlyMap<string, Observed>,
  last: readonly { event_id: string; obj_uuid: string; server: string }[],
): NewEvent[] {
  const before = new Map(last.map((e) => [`${e.obj_uuid} ${e.server}`, e.event_id]));
  const events: NewEvent[] = [];
  for (const o of seen.values()) {
    const eventId = `${PREFIX[o.kind]}_${o.state.toUpperCase()}`;
    const recorded = before.get(`${o.object.uuid} ${o.server}`);
    if (recorded === eventId) continue;
    if (recorded === undefined && o.state === 'down' && o.kind !== 'server') continue;
    events.push(eventOf(eventId, o));
  }
  return events;
}

function eventOf(eventId: string, o: Observed): NewEvent {
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
