import { describe, expect, it } from '@jest/globals';
import { poolStatus } from './pool-status.js';
import { countsOf, sumOf } from './server-counts.js';

const runtime = (se_uuid: string, connected: boolean, ...servers: object[]): never =>
  ({ se_uuid, connected, heartbeat: { servers } }) as never;

describe('a server that is out', () => {
  const server = { address: '10.0.0.1', port: 80, hostname: '', ratio: 1 };
  const use = { virtualServices: ['web'], serviceEngines: new Map([['a', 'se-1']]) };
  const shown = (over: object, ...open: number[]): unknown[] => {
    const pool = { enabled: true, servers: [{ ...server, ...over }] } as never;
    const counts = new Map([
      ['10.0.0.1:80', open.map((n, i) => ({ se_uuid: `se-${i}`, open: n, active: n }))],
    ]);
    const { state, reasons, code } = poolStatus(pool, use, [], new Map(), counts).servers[0]!.status;
    return [state, reasons.join(), code];
  };
  const until = Date.parse('2026-11-22T08:00:00Z');

  it.each([
    [
      { state: 'draining', drain_until: until },
      [3, 2],
      '5 connections left, reset at 2026-11-22T08:00:00.000Z',
      'DRAINING',
    ],
    [{ state: 'draining' }, [1], '1 connection left, no time-out', 'DRAINING'],
    [{ state: 'draining', drain_until: until }, [0, 0], 'nothing left', 'DRAINED'],
    [{ state: 'disabled' }, [], 'nothing left', 'DRAINED'],
    [{ state: 'disabled' }, [2], '2 connections left', 'DRAINING'],
  ])('says who is left: %j', (over, open, reason, code) => {
    expect(shown(over, ...open)).toEqual(['OPER_DISABLED', reason, code]);
  });

  it('is counted from what connected SEs said last, and nothing that is not a number', () => {
    const row = { poolUuid: 'p', server: 's', connectionsOpen: 3, connectionsActive: '1' };
    const counts = countsOf([
      runtime('a', true, row, { ...row, server: 't', connectionsOpen: 'x' }, { ...row, poolUuid: 7 }),
      runtime('b', true, { ...row, connectionsOpen: undefined }),
      runtime('c', false, row),
    ]);
    expect([...counts.keys()]).toEqual(['p']);
    expect([...counts.get('p')!.keys()]).toEqual(['s']);
    expect(sumOf(counts.get('p')!.get('s')!)).toEqual({ open: 3, active: 2 });
  });
});
