import { describe, expect, test } from '@jest/globals';
import { wantedServiceEngines, workersPerServiceEngine } from './plan.js';

describe('the SEs of a start', () => {
  test('as many as are asked for', () => {
    expect(wantedServiceEngines([], 3)).toEqual(['se-1', 'se-2', 'se-3']);
    expect(wantedServiceEngines([], 1)).toEqual(['se-1']);
    expect(wantedServiceEngines([], 0)).toEqual([]);
  });

  test('those it had, and more when more are asked for', () => {
    expect(wantedServiceEngines(['se-1', 'se-2'], 0)).toEqual(['se-1', 'se-2']);
    expect(wantedServiceEngines(['se-2', 'edge'], 4)).toEqual(['se-2', 'edge', 'se-1', 'se-3']);
  });

  test('fewer than it had takes none away', () => {
    expect(wantedServiceEngines(['se-1', 'se-2'], 1)).toEqual(['se-1', 'se-2']);
  });

  test.each([
    [4, 3, 1],
    [16, 3, 5],
    [1, 3, 1],
    [8, 0, 8],
  ])('%s cores and %s SEs: %s workers each', (cores, engines, workers) => {
    expect(workersPerServiceEngine(cores, engines)).toBe(workers);
  });
});
