import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Netns, run, Scope } from '@spillway/testing';
import { existsSync } from 'node:fs';
import { expectClean, Load } from '../support/load.js';
import { World } from '../support/world.js';

jest.setTimeout(180_000);

let scope: Scope;
let world: World;

beforeAll(async () => {
  scope = new Scope('slow');
  world = await World.create(scope, { serviceEngines: 1 });
  const profile = await world.api.post('/api/applicationprofile', {
    name: 'impatient',
    type: 'APPLICATION_PROFILE_TYPE_HTTP',
    http_profile: { post_accept_timeout: 2000, client_header_timeout: 3000, client_body_timeout: 3000 },
  });
  await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
    replace: { application_profile_ref: profile.url },
  });
});
afterAll(async () => scope?.close());

const CONNECTIONS = 300;
/** Seconds after which slowhttptest gives up: well above every time-out of the profile. */
const LIMIT = 30;

/** What slowhttptest says of an attack, without its colours. */
async function attack(path: string, ...args: string[]): Promise<string> {
  const url = `http://${world.vip4}:${world.port}${path}`;
  const { stdout } = await run(
    'slowhttptest',
    [...args, '-c', `${CONNECTIONS}`, '-r', `${CONNECTIONS}`, '-l', `${LIMIT}`, '-p', '2', '-u', url],
    { timeout: (LIMIT + 20) * 1000, check: false, ...(world.netns && { netns: world.netns }) },
  );
  // oxlint-disable-next-line no-control-regex
  return stdout.replace(/\u001b\[[\d;]*m/g, '');
}

// The package is installed by the test command where that may be done.
const installed = existsSync('/usr/bin/slowhttptest') && Netns.available ? test : test.skip;

describe('slow clients', () => {
  // A head that never ends: lines every 2 s, which must not prolong its time; a body that stops for 10 s.
  installed.each([
    ['heads', '/', ['-H', '-i', '2']],
    ['bodies', '/body', ['-B', '-i', '10', '-s', '100000']],
  ])('%s: all are ended by their time-out, and nobody else has noticed', (_, path, args) =>
    world.instance.watched(async () => {
      const load = await Load.start(world, { streams: false });
      const told = await attack(path, ...args);
      expect(told).toContain('No open connections left');
      expect(told).not.toMatch(/service available:\s+NO/);
      await load.flowing();
      expectClean(await load.stop(), world);
    }),
  );
});
