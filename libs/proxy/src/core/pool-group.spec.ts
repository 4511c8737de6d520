import { describe, expect, it } from '@jest/globals';
import type { PoolGroup as Spec } from '@spillway/snapshot';
import fc from 'fast-check';
import type { Pool } from './pool.js';
import { PoolGroup } from './pool-group.js';

type Member = Spec['members'][number] & { servers: number };

const poolOf = (uuid: string, servers: number): Pool =>
  ({ spec: { uuid }, available: () => servers, failAction: null }) as unknown as Pool;

function group(members: readonly Member[], more: Partial<Spec> = {}, turn = 0): PoolGroup {
  const spec: Spec = {
    uuid: 'g',
    name: 'g',
    min_servers: 0,
    members: members.map(({ servers: _servers, ...m }) => m),
    ...more,
  };
  return new PoolGroup(
    spec,
    new Map(members.map((m) => [m.pool_uuid, poolOf(m.pool_uuid, m.servers)])),
    null,
    turn,
  );
}

const take = (g: PoolGroup, requests: number, into = new Map<string, number>()): Map<string, number> => {
  for (let n = 0; n < requests; n++) {
    const uuid = g.choose()?.spec.uuid ?? 'none';
    into.set(uuid, (into.get(uuid) ?? 0) + 1);
  }
  return into;
};

const someMembers = fc
  .array(
    fc.record({
      priority: fc.integer({ min: 0, max: 3 }),
      ratio: fc.integer({ min: 0, max: 9 }),
      servers: fc.integer({ min: 0, max: 3 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((list) => list.map((m, i): Member => ({ ...m, pool_uuid: `p${i}` })));

const serves = (m: Member): boolean => m.ratio > 0 && m.servers > 0;

/** Who takes part, by the document: the highest priorities until there are servers enough. */
function expected(members: readonly Member[], minServers: number): Member[] {
  const taking = members.filter((m) => m.ratio > 0);
  const priorities = [...new Set(members.map((m) => m.priority))].sort((a, b) => b - a);
  const found: Member[] = [];
  for (const priority of priorities) {
    if (found.reduce((n, m) => n + m.servers, 0) >= Math.max(1, minServers)) break;
    found.push(...taking.filter((m) => m.priority === priority));
  }
  return found.filter(serves);
}

describe('a pool group', () => {
  it('chooses among the highest priorities that have servers enough, each by its ratio', () => {
    fc.assert(
      fc.property(
        someMembers,
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 0, max: 9 }),
        (members, min_servers, turn) => {
          const among = expected(members, min_servers);
          const total = among.reduce((n, m) => n + m.ratio, 0);
          const counts = take(group(members, { min_servers }, turn), 3 * Math.max(1, total));
          if (total === 0) {
            // Nobody can serve: one that says why, if any takes requests at all.
            const [uuid] = counts.keys();
            expect(uuid === 'none' || members.some((m) => m.pool_uuid === uuid && m.ratio > 0)).toBe(true);
            return;
          }
          expect([...counts.keys()].sort()).toEqual(among.map((m) => m.pool_uuid).sort());
          // The first turn may lie anywhere in a round, and rounds of a priority are no rounds of several.
          for (const m of among)
            expect(Math.abs((counts.get(m.pool_uuid) ?? 0) - 3 * m.ratio)).toBeLessThanOrEqual(
              members.length + 1,
            );
        },
      ),
    );
  });

  it('shares few requests out over workers too', () => {
    const two: Member[] = [1, 1].map((ratio, i) => ({ pool_uuid: `p${i}`, priority: 1, ratio, servers: 1 }));
    const counts = new Map<string, number>();
    for (let worker = 0; worker < 8; worker++) take(group(two, {}, worker), 1, counts);
    expect([...counts.values()]).toEqual([4, 4]);
    const three: Member[] = [3, 1].map((ratio, i) => ({
      pool_uuid: `p${i}`,
      priority: 1,
      ratio,
      servers: 1,
    }));
    const shared = new Map<string, number>();
    for (let worker = 0; worker < 4; worker++) take(group(three, {}, worker), 1, shared);
    expect(shared.get('p1')).toBe(1);
  });

  it('leaves out pools that are deactivated, up as they are', () => {
    const members: Member[] = [9, 1].map((priority, i) => ({
      pool_uuid: `p${i}`,
      priority,
      ratio: 1,
      servers: 1,
    }));
    const off = { deactivate_on_down: { cleared: 0, pool_uuids: ['p0'] } };
    expect([...take(group(members, off), 4)]).toEqual([['p1', 4]]);
    expect([...take(group(members.slice(0, 1), off), 1)]).toEqual([['none', 1]]);
  });
});
