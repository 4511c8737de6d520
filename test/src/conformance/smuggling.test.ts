import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { http1Matrix, http2Matrix, type Front } from '@spillway/testing/conformance';
import { Scope } from '@spillway/testing';
import { startFronts } from './fronts.js';

jest.setTimeout(120_000);
let scope: Scope;
let fronts: Front[];
beforeEach(async () => {
  scope = new Scope('smuggling');
  fronts = await startFronts(
    scope,
    Array.from({ length: 8 }, () => 'plain' as const),
    true,
  );
});
afterEach(async () => await scope.close());

describe.each(['keep-alive', 'close'] as const)('the smuggling matrix, %s', (mode) => {
  test('no request of HTTP/1.1 reaches an origin in two readings', async () => {
    const report = await http1Matrix(fronts, mode);
    expect(report.failures).toEqual([]);
    expect(report.attacks).toBeGreaterThan(2000);
    expect(report.passed).toBeGreaterThan(50);
  });

  test('no request of HTTP/2 reaches an origin in two readings', async () => {
    const report = await http2Matrix(fronts, mode);
    expect(report.failures).toEqual([]);
    expect(report.attacks).toBeGreaterThan(180);
    expect(report.passed).toBeGreaterThan(5);
  });
});
