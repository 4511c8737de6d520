import { describe, expect, it } from '@jest/globals';
import { lanesOf } from './lanes.js';

const files = [
  'test/dist/chaos/kill.test.js',
  'test/dist/conformance/clients.test.js',
  'test/dist/conformance/soak.test.js',
  'test/dist/pools/ramp.test.js',
  'test/dist/tls/tls.test.js',
];

describe('lanes of end-to-end tests', () => {
  it('keep what measures time alone, and share out the rest', () => {
    expect(lanesOf(files, 4)).toEqual({
      beside: [[files[1], files[4]], [files[3]]],
      alone: [files[0], files[2]],
    });
  });

  it('are none on a small machine, nor for a single file', () => {
    expect(lanesOf(files, 2)).toEqual({ beside: [], alone: files });
    expect(lanesOf([files[3]!], 8)).toEqual({ beside: [], alone: [files[3]] });
  });
});
