import { describe, expect, it } from '@jest/globals';
import { applyDefaults } from '@spillway/model';
import { POOL_GROUP_STATE_KIND, poolGroupStateUuid } from '@spillway/translator';
import type { StoredObject } from '../store/index.js';
import { status, type OperStatus } from './oper-status.js';
import { poolGroupStatus } from './pool-group-status.js';

const object = (kind: string, uuid: string, spec: object): StoredObject =>
  ({ kind, uuid, name: uuid, generation: 1, spec }) as unknown as StoredObject;

function see(states: Record<string, OperStatus>, spec: object = {}, off: string[] = []) {
  const members = [
    { pool_ref: 'pool-1', priority_label: '9' },
    { pool_ref: 'pool-2', priority_label: '1' },
  ];
  const filled = applyDefaults('poolgroup', { name: 'g', members, ...spec });
  const group = object('poolgroup', 'poolgroup-1', filled);
  const deactivated = off.map((pool_uuid) => ({ pool_uuid, se_uuid: 'se', at: '2026-11-22T00:00:00Z' }));
  const objects = [
    group,
    object('pool', 'pool-1', {}),
    object('pool', 'pool-2', {}),
    object(POOL_GROUP_STATE_KIND, poolGroupStateUuid('poolgroup-1'), { cleared: 0, deactivated }),
  ];
  const cache = { get: (uuid: string) => objects.find((o) => o.uuid === uuid) };
  const view = poolGroupStatus(group, cache, ({ uuid }) => states[uuid]!);
  return [view.status.state, view.status.code ?? '', view.current?.uuid ?? '', view.up];
}

const up = status('OPER_UP');
const down = status('OPER_DOWN');

describe('the state of a pool group', () => {
  it('is up with a pool that is, and names the one of the highest priority', () => {
    expect(see({ 'pool-1': up, 'pool-2': up })).toEqual(['OPER_UP', '', 'pool-1', 2]);
    expect(see({ 'pool-1': down, 'pool-2': up })).toEqual(['OPER_UP', '', 'pool-2', 1]);
    expect(see({ 'pool-1': down, 'pool-2': down })).toEqual(['OPER_DOWN', 'POOL_DOWN', '', 0]);
    const unused = status('OPER_UNUSED');
    expect(see({ 'pool-1': unused, 'pool-2': unused })[0]).toBe('OPER_UNUSED');
  });

  it('does without pools that are deactivated, where the group asks for that', () => {
    const on = { deactivate_primary_pool_on_down: true };
    const all = { 'pool-1': up, 'pool-2': up };
    expect(see(all, on, ['pool-1'])).toEqual(['OPER_UP', 'PRIMARY_POOL_DEACTIVATED', 'pool-2', 2]);
    expect(see({ ...all, 'pool-2': down }, on, ['pool-1'])).toEqual(['OPER_DOWN', 'POOL_DOWN', '', 1]);
    expect(see(all, {}, ['pool-1'])).toEqual(['OPER_UP', '', 'pool-1', 2]);
  });
});
