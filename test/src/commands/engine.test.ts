import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import {
  commandLine,
  eventually,
  freePort,
  processTree,
  repository,
  RunningProcess,
  Scope,
  startOrigin,
} from '@spillway/testing';
import { fetchOnce, script, spillway } from './command.js';

jest.setTimeout(60_000);

let scope: Scope;

beforeEach(() => {
  scope = new Scope('engine');
});

afterEach(async () => await scope.close());

/** The snapshot of the translator's golden file, with a VIP and a server that are here. */
interface GoldenSnapshot {
  virtual_services: { vips: unknown[]; services: unknown[] }[];
  pools: { servers: Record<string, unknown>[] }[];
}

test('engine serves from a snapshot file alone, and ends whole on SIGTERM', async () => {
  const origin = await startOrigin(scope, { name: 'origin' });
  const port = await freePort('127.0.10.1');
  const file = join(repository, 'libs/translator/golden/http.out.json');
  const snapshot = JSON.parse(readFileSync(file, 'utf8')) as GoldenSnapshot;
  for (const service of snapshot.virtual_services) {
    service.vips = [{ vip_id: '0', address: '127.0.10.1' }];
    service.services = [{ port, port_range_end: port }];
  }
  for (const pool of snapshot.pools)
    pool.servers = [{ ...pool.servers[0], address: origin.host, port: origin.port, state: 'enabled' }];
  const own = join(await scope.tempDir(), 'snapshot.json');
  writeFileSync(own, JSON.stringify(snapshot));

  const engine = await RunningProcess.start(scope, script, ['engine', '--snapshot', own, '--workers', '2'], {
    cwd: '/',
  });
  await engine.waitForOutput(/"ready":true/);
  await eventually(async () => (await fetchOnce(`http://127.0.10.1:${port}/`)).body === 'origin\n', {
    what: 'the server to be found healthy and to answer through the VIP',
  });
  const tree = processTree(engine.pid);
  expect(commandLine(engine.pid)).toContain('bun');
  expect(tree.length).toBeGreaterThanOrEqual(3);

  engine.signal('SIGTERM');
  expect(await engine.exited).toEqual({ code: 0, signal: null });
  await expect(fetchOnce(`http://127.0.10.1:${port}/`)).rejects.toThrow('ECONNREFUSED');
});

test('engine names what it lacks', async () => {
  const without = await spillway(['engine'], { check: false });
  expect(without.code).toBe(2);
  expect(without.stderr).toContain('--snapshot');
});
