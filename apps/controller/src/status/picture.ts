import type { health, se, status } from '@spillway/protocol';
import { health as healthTypes } from '@spillway/protocol';
import { assigned } from '../runtime/vip-summary.js';
import type { RuntimeState, VsView } from '../runtime/runtime-reader.js';
import { seStatus } from '../runtime/se-status.js';
import { ADMIN_TENANT, type StoredObject } from '../store/index.js';

/** One thing that has a status, under the name that outsiders use. */
export type Entry =
  | { kind: 'serviceengine'; tenantUuid: string; value: status.ServiceEngineStatus }
  | { kind: 'virtualservice'; tenantUuid: string; value: status.VirtualServiceStatus };

/** Everything that outsiders may know at one moment: `serviceengine/<name>`, `virtualservice/<name>`. */
export type Picture = ReadonlyMap<string, Entry>;

/** The newest heartbeat of an SE that is attached here; undefined for others. */
export type Heartbeats = (seUuid: string) => se.Heartbeat | undefined;

const Serving = healthTypes.HealthCheckResponse_ServingStatus;

export function draw(
  state: RuntimeState,
  serviceEngines: Iterable<StoredObject>,
  virtualServices: Iterable<StoredObject>,
  tenantName: (uuid: string) => string,
  heartbeats: Heartbeats,
): Picture {
  const picture = new Map<string, Entry>();
  const views = [...virtualServices].map((object) => state.virtualService(object));
  const served = servedBy(views);
  for (const object of serviceEngines) {
    const value = seEntry(state, object, served.get(object.uuid) ?? [], heartbeats(object.uuid));
    put(picture, object, tenantName, { kind: 'serviceengine', tenantUuid: object.tenantUuid, value });
  }
  for (const view of views) {
    const value = vsEntry(state, view, tenantName(view.object.tenantUuid));
    put(picture, view.object, tenantName, {
      kind: 'virtualservice',
      tenantUuid: view.object.tenantUuid,
      value,
    });
  }
  return picture;
}

/**
 * The plain name, which belongs to the admin tenant's object where several tenants use it, and otherwise
 * `<kind>/<tenant>/<name>` for those that would be hidden.
 */
function put(
  picture: Map<string, Entry>,
  object: StoredObject,
  tenantName: (uuid: string) => string,
  entry: Entry,
): void {
  const plain = `${entry.kind}/${object.name}`;
  const qualified = (e: Entry): string => `${entry.kind}/${tenantName(e.tenantUuid)}/${object.name}`;
  const other = picture.get(plain);
  if (other === undefined) picture.set(plain, entry);
  else if (object.tenantUuid === ADMIN_TENANT && other.tenantUuid !== ADMIN_TENANT) {
    picture.set(plain, entry);
    picture.set(qualified(other), other);
  } else picture.set(qualified(entry), entry);
}

function servedBy(views: readonly VsView[]): Map<string, string[]> {
  const served = new Map<string, string[]>();
  for (const view of views)
    for (const seUuid of new Set(view.vips.flatMap((v) => v.rows.map((r) => r.se_uuid)))) {
      const names = served.get(seUuid);
      if (names === undefined) served.set(seUuid, [view.object.name]);
      else names.push(view.object.name);
    }
  return served;
}

function seEntry(
  state: RuntimeState,
  object: StoredObject,
  virtualServices: readonly string[],
  heartbeat: se.Heartbeat | undefined,
): status.ServiceEngineStatus {
  const found = state.se(object.uuid);
  const runtime = found?.runtime;
  const said = heartbeat ?? (runtime?.heartbeat as Partial<se.Heartbeat> | null | undefined);
  const connected = runtime?.connected === true;
  return {
    uuid: object.uuid,
    name: object.name,
    connected,
    operState: seStatus(found?.view.enableState ?? '', runtime).state,
    cpuPercent: connected ? (said?.cpuPercent ?? 0) : 0,
    memoryUsedBytes: connected ? (said?.memoryUsedBytes ?? 0) : 0,
    memoryTotalBytes: said?.memoryTotalBytes ?? 0,
    openConnections: connected ? (said?.openConnections ?? 0) : 0,
    epoch: Number(runtime?.epoch ?? 0),
    generation: Number(runtime?.generation ?? 0),
    virtualServices: [...virtualServices].sort(),
    advice: (runtime?.advice ?? []).map((a) => (a as { text?: string }).text ?? ''),
  };
}

function vsEntry(state: RuntimeState, view: VsView, tenant: string): status.VirtualServiceStatus {
  const rows = view.vips.flatMap((v) => v.rows);
  return {
    uuid: view.object.uuid,
    name: view.object.name,
    tenant,
    operState: view.status.state,
    reasons: [...view.status.reasons],
    numSeAssigned: view.vips.reduce((sum, v) => sum + assigned(v.rows).length, 0),
    numSeRequested: view.vips.reduce((sum, v) => sum + v.numSeRequested, 0),
    placedOn: rows.map((row) => ({
      seUuid: row.se_uuid,
      seName: state.serviceEngines.get(row.se_uuid)?.name ?? '',
      primary: row.primary,
      state: row.observed,
      connectionsLeft: Number(row.connections_left),
    })),
  };
}

/** An entry as `grpc.health.v1` sees it: SERVING when it does what it is for. */
export const servingOf = (entry: Entry): health.HealthCheckResponse_ServingStatus =>
  entry.value.operState === 'OPER_UP' ? Serving.SERVING : Serving.NOT_SERVING;

export const eventOf = (entry: Entry): status.StatusEvent =>
  entry.kind === 'serviceengine'
    ? { body: { $case: 'serviceEngine', value: entry.value } }
    : { body: { $case: 'virtualService', value: entry.value } };

/** What changes of an entry are news by themselves: all but the figures, which move all the time. */
export function stateKey(entry: Entry): string {
  if (entry.kind === 'virtualservice') return JSON.stringify(entry.value);
  const { cpuPercent: _cpu, memoryUsedBytes: _memory, openConnections: _open, ...rest } = entry.value;
  return JSON.stringify(rest);
}
