import { describe, expect, it } from '@jest/globals';
import { applyDefaults } from '@spillway/model';
import { connectionRampOf } from './connection-ramp.js';

const ramp = (given: object): unknown =>
  connectionRampOf(applyDefaults('pool', { name: 'p', ...given })).connection_ramp;

describe('the connection ramp of a pool', () => {
  it('is ten minutes unless told', () => {
    expect(ramp({})).toEqual({ duration: 600_000, units: 10 });
  });

  it.each([
    [{ connection_ramp_duration: 300 }, { duration: 18_000_000, units: 300 }],
    [{ connection_ramp_duration: 4 }, { duration: 240_000, units: 4 }],
    [{ connection_ramp_duration: 1 }, { duration: 60_000, units: 4 }],
    [{ connection_ramp_duration_secs: 4 }, { duration: 4000, units: 4 }],
    [{ connection_ramp_duration_secs: 18_000 }, { duration: 18_000_000, units: 18_000 }],
    [
      { connection_ramp_duration: 0, connection_ramp_duration_secs: 2 },
      { duration: 2000, units: 4 },
    ],
  ])('%j', (given, wanted) => {
    expect(ramp(given)).toEqual(wanted);
  });

  it.each([
    { connection_ramp_duration: 0 },
    { connection_ramp_duration_secs: 0 },
    { connection_ramp_duration: 5, connection_ramp_duration_secs: 0 },
  ])('%j: none', (given) => {
    expect(ramp(given)).toBeUndefined();
  });
});
