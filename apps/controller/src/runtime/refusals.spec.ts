import { describe, expect, it } from '@jest/globals';
import type { SeRuntime } from '../database/entities/index.js';
import { Refusals } from './refusals.js';

const se = (refused: number, boot = 'b'): SeRuntime[] => [
  {
    se_uuid: 'se-1',
    boot_id: boot,
    connected: true,
    heartbeat: { pools: [{ poolUuid: 'p', refused }] },
  } as unknown as SeRuntime,
];

describe('refusals', () => {
  it('that were counted before the first look are old', () => {
    const refusals = new Refusals();
    expect([...refusals.grown(se(5))]).toEqual([]);
    expect([...refusals.grown(se(7))]).toEqual([['p', 2]]);
  });

  it('are new from the first one on, where no pool had a limit before', () => {
    const refusals = new Refusals();
    refusals.nothing();
    expect([...refusals.grown(se(5))]).toEqual([['p', 5]]);
  });

  it('add up until they are told, over lives of an agent too', () => {
    const refusals = new Refusals();
    refusals.nothing();
    refusals.grown(se(5));
    expect([...refusals.grown(se(3, 'c'))]).toEqual([['p', 8]]);
    refusals.told(new Set(['p']));
    expect([...refusals.grown(se(3, 'c'))]).toEqual([]);
  });
});
