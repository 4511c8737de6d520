import { describe, expect, it } from '@jest/globals';
import type { SeRuntime } from '../database/entities/index.js';
import { standingsOf } from './standings.js';

const at = { poolUuid: 'pool-1', server: '10.0.0.1:80' };
const runtime = (se_uuid: string, heartbeat: object | null, connected = true): SeRuntime =>
  ({ se_uuid, connected, heartbeat }) as unknown as SeRuntime;

describe('what algorithms go by', () => {
  it('is told per SE that is connected', () => {
    const found = standingsOf([
      runtime('se-1', {
        ramps: [{ ...at, share: 0.25, fullAt: 5000 }],
        tasks: [{ ...at, told: 10, toldAt: 1000, tasks: 12 }],
      }),
      runtime('se-2', { ramps: [{ ...at, share: 0.5, fullAt: 6000 }] }),
      runtime('se-3', { ramps: [{ ...at, share: 0.5, fullAt: 6000 }] }, false),
      runtime('se-4', null),
    ]);
    expect(found.get('pool-1')?.get('10.0.0.1:80')).toEqual({
      ramps: [
        { se_uuid: 'se-1', share: 0.25, fullAt: new Date(5000) },
        { se_uuid: 'se-2', share: 0.5, fullAt: new Date(6000) },
      ],
      tasks: [{ se_uuid: 'se-1', told: 10, toldAt: new Date(1000), tasks: 12 }],
    });
  });

  it('takes a number that is 0 for one that was left out, and leaves out what makes no sense', () => {
    const found = standingsOf([
      runtime('se-1', {
        ramps: [
          { ...at, share: 1, fullAt: 1 },
          { ...at, fullAt: 1 },
          { ...at, share: 0.5 },
        ],
        tasks: [
          { ...at, toldAt: 1000 },
          { ...at, told: -1, toldAt: 1 },
          { ...at, told: 1 },
        ],
      }),
    ]);
    expect(found.get('pool-1')?.get('10.0.0.1:80')).toEqual({
      ramps: [],
      tasks: [{ se_uuid: 'se-1', told: 0, toldAt: new Date(1000), tasks: 0 }],
    });
  });
});
