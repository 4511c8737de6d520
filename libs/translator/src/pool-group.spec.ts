import { describe, expect, it } from '@jest/globals';
import type { KindName } from '@spillway/model';
import type { PoolGroup } from '@spillway/snapshot';
import { translatePoolGroup } from './pool-group.js';
import { objectsOf, type WrittenObject } from './testing/objects.js';

const object = (uuid: string, spec: object): WrittenObject => ({
  kind: uuid.slice(0, uuid.lastIndexOf('-')) as KindName,
  uuid,
  spec: { name: uuid, ...spec },
});

const LINES = [{ labels: ['gold', '1'] }, { labels: ['silver', 'grey'] }, { labels: ['bronze'] }];

/** The priorities of members with these labels. */
function priorities(labels: (string | undefined)[], group: object = {}): number[] {
  const members = labels.map((priority_label, i) => ({
    pool_ref: `pool-${i}`,
    ...(priority_label === undefined ? {} : { priority_label }),
  }));
  const objects = objectsOf([
    ...labels.map((_, i) => object(`pool-${i}`, {})),
    object('prioritylabels-1', { equivalent_labels: LINES }),
    object('poolgroup-1', { members, ...group }),
  ]);
  const { fragment } = translatePoolGroup('poolgroup-1', { get: (uuid) => objects.get(uuid) });
  return (fragment!.body as PoolGroup).members.map((m) => m.priority);
}

const named = { priority_labels_ref: 'prioritylabels-1' };

describe('priority labels', () => {
  it('are numbers, higher before lower, and nothing else has a meaning', () => {
    expect(priorities(['10', '9', '010', '0'])).toEqual([10, 9, 10, 0]);
    expect(priorities([undefined, '', 'gold', '-1', '1e3', ' 5'])).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('are names where the group names a list: the first line before the second, the names of one alike', () => {
    const [gold, silver, bronze, grey, none, unknown, one] = priorities(
      ['gold', 'silver', 'bronze', 'grey', undefined, '99', '1'],
      named,
    );
    expect(gold).toBeGreaterThan(silver!);
    expect(silver).toBeGreaterThan(bronze!);
    expect([grey, one]).toEqual([silver, gold]);
    expect(bronze).toBeGreaterThan(0);
    expect([none, unknown]).toEqual([0, 0]);
  });

  it('are numbers again where the group says so', () => {
    expect(priorities(['1', '7'], { ...named, implicit_priority_labels: true })).toEqual([1, 7]);
  });
});
