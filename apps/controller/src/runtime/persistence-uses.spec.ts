import { describe, expect, it } from '@jest/globals';
import type { SeRuntime } from '../database/entities/index.js';
import { persistenceUsesOf } from './persistence-uses.js';

const se = (se_uuid: string, persistence: unknown, connected = true): SeRuntime =>
  ({ se_uuid, connected, heartbeat: { persistence } }) as unknown as SeRuntime;

describe('what SEs know of clients', () => {
  it('is told by pool and SE, of those that are connected', () => {
    const uses = persistenceUsesOf([
      se('se-1', { limit: 70, evictions: 2, pools: [{ poolUuid: 'a', entries: 3 }, { poolUuid: 'b' }] }),
      se('se-2', { limit: '70', evictions: '0', pools: [{ poolUuid: 'a', entries: '4' }] }),
      se('se-3', { limit: 70, evictions: 0, pools: [{ poolUuid: 'a', entries: 9 }] }, false),
    ]);
    expect(uses.get('a')).toEqual([
      { se_uuid: 'se-1', entries: 3, limit: 70, evictions: 2 },
      { se_uuid: 'se-2', entries: 4, limit: 70, evictions: 0 },
    ]);
    expect(uses.get('b')).toEqual([{ se_uuid: 'se-1', entries: 0, limit: 70, evictions: 2 }]);
  });

  it('is nothing where an older SE says nothing, or what makes no sense', () => {
    const odd = [
      se('se-1', undefined),
      se('se-2', { pools: 'none' }),
      se('se-3', { pools: [{ poolUuid: 7 }] }),
    ];
    expect([...persistenceUsesOf(odd)]).toEqual([]);
  });
});
