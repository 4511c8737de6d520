import { describe, expect, it } from '@jest/globals';
import type { Fragment, FragmentId, Snapshot } from '@spillway/snapshot';
import { PrimaryBoard } from './primary-board.js';

type On = { cleared: number; pool_uuids: string[] };

const snapshot = (on: On | undefined, members: [pool: string, priority: number][]): Snapshot =>
  ({
    pools: members.map(([uuid]) => ({ uuid, min_servers_up: 1 })),
    pool_groups: [
      {
        uuid: 'g',
        members: members.map(([pool_uuid, priority]) => ({ pool_uuid, priority, ratio: 1 })),
        ...(on === undefined ? {} : { deactivate_on_down: on }),
      },
    ],
  }) as unknown as Snapshot;

const GROUP: [string, number][] = [
  ['first', 2],
  ['second', 1],
];

function board(): { board: PrimaryBoard; up: Set<string> } {
  const up = new Set(['first', 'second']);
  return {
    up,
    board: new PrimaryBoard(
      (pool) => up.has(pool.uuid),
      () => 7,
    ),
  };
}

describe('primary pools that go down', () => {
  it('are deactivated once, until somebody says so', () => {
    const { board: b, up } = board();
    b.configure(snapshot({ cleared: 3, pool_uuids: [] }, GROUP));
    expect(b.look()).toBe(false);
    up.delete('first');
    expect([b.look(), b.look()]).toEqual([true, false]);
    expect(b.deactivated).toEqual([{ poolGroupUuid: 'g', poolUuid: 'first', cleared: 3, at: 7 }]);
    up.add('first');
    expect([b.look(), b.deactivated.length]).toEqual([false, 1]);
    // The controller knows of it: it is in the snapshot.
    b.configure(snapshot({ cleared: 3, pool_uuids: ['first'] }, GROUP));
    expect(b.deactivated).toEqual([]);
    up.delete('first');
    expect(b.look()).toBe(false);
    up.add('first');
    b.configure(snapshot({ cleared: 4, pool_uuids: [] }, GROUP));
    up.delete('first');
    expect([b.look(), b.deactivated[0]?.cleared]).toEqual([true, 4]);
    b.configure(snapshot({ cleared: 5, pool_uuids: [] }, GROUP));
    expect(b.deactivated).toEqual([]);
  });

  it('are those of the highest priority, of groups that ask for it, and not what somebody takes out', () => {
    const { board: b, up } = board();
    b.configure(snapshot({ cleared: 0, pool_uuids: [] }, GROUP));
    up.delete('second');
    expect(b.look()).toBe(false);
    up.delete('first');
    b.configure(snapshot({ cleared: 0, pool_uuids: [] }, GROUP));
    expect(b.look()).toBe(false);
    up.add('first');
    b.configure(snapshot(undefined, GROUP));
    up.delete('first');
    expect(b.look()).toBe(false);
  });

  it('are told to the workers, as the same fragment while nothing changes', () => {
    const { board: b, up } = board();
    const handed = snapshot({ cleared: 0, pool_uuids: [] }, GROUP);
    b.configure(handed);
    up.delete('first');
    b.look();
    const fragments = (): Map<FragmentId, Fragment> =>
      new Map([['pool_group/g', { type: 'pool_group', key: 'g', body: handed.pool_groups![0]! }]]);
    const once = fragments();
    b.into(once, new Map());
    expect(once.get('pool_group/g')?.body).toMatchObject({
      deactivate_on_down: { cleared: 0, pool_uuids: ['first'] },
    });
    const twice = fragments();
    b.into(twice, once);
    expect(twice.get('pool_group/g')).toBe(once.get('pool_group/g'));
  });
});
