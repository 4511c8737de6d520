import { describe, expect, it } from '@jest/globals';
import type { SeRuntime } from '../database/entities/index.js';
import { throttlesOf } from './throttles.js';

const se = (se_uuid: string, throttles: unknown, connected = true): SeRuntime =>
  ({ se_uuid, connected, heartbeat: { throttles } }) as unknown as SeRuntime;
const told = (server: string, share: unknown, poolUuid = 'pool-1'): object => ({
  poolUuid,
  server,
  share,
  since: 1_700_000_000_000,
  errorRatio: 0.5,
});

describe('what SEs say of servers that they hold back', () => {
  it('is put together by pool and server', () => {
    const found = throttlesOf([
      se('se-1', [told('a:80', 0.25), told('b:80', 0.5, 'pool-2')]),
      se('se-2', [told('a:80', 0.75)]),
    ]);
    expect([...found.keys()]).toEqual(['pool-1', 'pool-2']);
    expect(found.get('pool-1')?.get('a:80')).toEqual([
      { se_uuid: 'se-1', share: 0.25, since: new Date(1_700_000_000_000), error_ratio: 0.5 },
      { se_uuid: 'se-2', share: 0.75, since: new Date(1_700_000_000_000), error_ratio: 0.5 },
    ]);
  });

  it('counts as long as they are connected, and where it makes sense', () => {
    const found = throttlesOf([
      se('lost', [told('a:80', 0.25)], false),
      se('old', undefined),
      { se_uuid: 'silent', connected: true, heartbeat: null } as unknown as SeRuntime,
      se('odd', [told('a:80', 0), told('a:80', 1), told('a:80', 'x'), { share: 0.5 }, told('b:80', 0.5)]),
    ]);
    expect([...(found.get('pool-1')?.keys() ?? [])]).toEqual(['b:80']);
  });
});
