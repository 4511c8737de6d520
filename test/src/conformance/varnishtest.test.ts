import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { freePort, repository, run, Scope } from '@spillway/testing';
import { Engine } from '../engine/engine.js';
import { buildSnapshot } from '../engine/snapshot.js';
import { hasProgram } from './programs.js';

jest.setTimeout(60_000);

const directory = join(repository, 'test/src/conformance/vtc');
const scripts = readdirSync(directory)
  .filter((name) => name.endsWith('.vtc'))
  .sort();

/** Client and origin are both those of `varnishtest` (Debian: varnish), the SE stands between them. */
(hasProgram('varnishtest') ? describe : describe.skip)('varnishtest', () => {
  const scope = new Scope('varnishtest');
  const ports = new Map<string, { vs: number; origin: number }>();

  beforeAll(async () => {
    for (const name of scripts) ports.set(name, { vs: await freePort(), origin: await freePort() });
    const snapshot = buildSnapshot({
      services: [...ports].map(([name, { vs, origin }]) => ({
        name: name.replace('.vtc', ''),
        vips: ['127.0.0.1'],
        ports: [vs],
        servers: [{ address: '127.0.0.1', port: origin }],
        monitored: false,
      })),
    });
    for (const vs of snapshot.virtual_services)
      for (const service of vs.services) service.enable_http2 = true;
    await Engine.start(scope, snapshot, { workers: 1 });
  });
  afterAll(async () => await scope.close());

  test.each(scripts)('%s', async (name) => {
    const { vs, origin } = ports.get(name)!;
    const { code, stdout, stderr } = await run(
      'varnishtest',
      [
        '-v',
        '-t',
        '20',
        '-D',
        `vs=127.0.0.1:${vs}`,
        '-D',
        `origin=127.0.0.1:${origin}`,
        join(directory, name),
      ],
      { check: false },
    );
    expect(code === 0 ? '' : stdout.slice(-8000) + stderr).toBe('');
  });
});
