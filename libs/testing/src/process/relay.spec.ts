import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ClientConnection } from '../http/connection.js';
import { patternBytes } from '../http/pattern.js';
import { spawnOrigins } from '../origin/spawn.js';
import { Netns } from './netns.js';
import { exposeFrom } from './relay.js';
import { Scope } from './scope.js';

let scope: Scope;
beforeEach(() => {
  scope = new Scope('relay-spec');
});
afterEach(() => scope.close());

const root = Netns.available ? describe : describe.skip;
root('relay out of a namespace (needs root)', () => {
  it.each(['127.0.0.1', '::1'])('reaches an origin that listens on %s inside', async (host) => {
    const netns = await Netns.create(scope);
    const { origins } = await spawnOrigins(scope, [{ name: 'inside', host }], { netns });
    const target = { host, port: origins[0]!.port };
    await expect(ClientConnection.open(target)).rejects.toMatchObject({ reason: 'connect_refused' });
    const here = await exposeFrom(scope, netns, target);
    const connection = await ClientConnection.open(here);
    const body = patternBytes(500_000);
    const reply = await connection.request({ method: 'POST', path: '/body', body });
    expect(reply.body.equals(body)).toBe(true);
    connection.close();
  });
});
