import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { HTTP1_CASES, runAll } from '@spillway/testing/conformance';
import { Scope } from '@spillway/testing';
import { startFronts } from './fronts.js';

jest.setTimeout(120_000);
let scope: Scope;
beforeEach(() => {
  scope = new Scope('http1');
});
afterEach(async () => await scope.close());

test('a service engine keeps to HTTP/1.1, clause by clause', async () => {
  const fronts = await startFronts(scope, [
    'plain',
    'plain',
    'plain',
    'forwarded',
    'narrow',
    'tight',
    'tight',
    'tight',
  ]);
  expect(await runAll(HTTP1_CASES, fronts)).toEqual([]);
});
