import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { parseSnapshot, type Snapshot } from '@spillway/snapshot';
import { freeLoopback, freePort, repository, Scope, startOrigin } from '@spillway/testing';
import { Engine } from './engine.js';

jest.setTimeout(30_000);
let scope: Scope;
beforeEach(() => {
  scope = new Scope('reference');
});
afterEach(async () => await scope.close());

test('the snapshot in the reference runs as it stands there', async () => {
  const text = readFileSync(join(repository, 'docs/reference/snapshot.md'), 'utf8');
  const block = /```json\n([\s\S]*?)\n```/.exec(text)?.[1] ?? '';
  const documented = parseSnapshot(JSON.parse(block));
  const [vs, pool] = [documented.virtual_services[0]!, documented.pools[0]!];
  // Only where it listens and where its server is belongs to this machine.
  const origin = await startOrigin(scope, { name: 'web' });
  const [vip, port] = [freeLoopback(), await freePort()];
  const snapshot: Snapshot = {
    ...documented,
    virtual_services: [
      { ...vs, vips: [{ vip_id: '0', address: vip }], services: [{ port, port_range_end: port }] },
    ],
    pools: [{ ...pool, servers: [{ ...pool.servers[0]!, address: origin.host, port: origin.port }] }],
  };
  const engine = await Engine.start(scope, snapshot);
  expect(engine.ready).toMatchObject({ ready: true, listeners: [`${vip}:${port}`] });
  const reply = await fetch(`http://${vip}:${port}/`, { headers: { connection: 'close' } });
  expect(await reply.text()).toBe('web\n');
});
