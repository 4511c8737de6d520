import type { Group, Placement, ServiceEngine, VirtualService, World } from '../world.js';

/** Builders for the specs: everything healthy unless the test says otherwise. */
export const group = (over: Partial<Group> = {}): Group => ({
  uuid: 'g1',
  name: 'Default-Group',
  minScaleoutPerVs: 1,
  maxScaleoutPerVs: 4,
  maxVsPerSe: 10,
  maxSe: 10,
  bufferSe: 1,
  haMode: 'n_plus_m',
  algorithm: 'packed',
  distribution: 'host',
  canCreateSe: false,
  ...over,
});

export const se = (uuid: string, over: Partial<ServiceEngine> = {}): ServiceEngine => ({
  uuid,
  name: uuid,
  groupUuid: 'g1',
  connected: true,
  lost: false,
  enableState: 'enabled',
  stopping: false,
  unavailableModes: {},
  netScope: 'ns1',
  hostname: 'host1',
  ...over,
});

export const vs = (over: Partial<VirtualService> = {}, additional = 0): VirtualService => ({
  uuid: 'vs1',
  name: 'shop',
  groupUuid: 'g1',
  enabled: true,
  vips: [{ vipId: '0', additional }],
  ...over,
});

export const on = (seUuid: string, over: Partial<Placement> = {}): Placement => ({
  vsUuid: 'vs1',
  vipId: '0',
  seUuid,
  primary: false,
  desired: 'active',
  observed: 'active',
  ...over,
});

export const world = (
  ses: readonly ServiceEngine[],
  placements: readonly Placement[] = [],
  groups: readonly Group[] = [group()],
): World => ({
  groups: new Map(groups.map((g) => [g.uuid, g])),
  serviceEngines: new Map(ses.map((s) => [s.uuid, s])),
  placements,
});
