import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnOrigins } from '../origin/spawn.js';
import { Scope } from '../process/scope.js';
import { Probe } from './probe.js';

let scope: Scope;
beforeEach(() => {
  scope = new Scope('probe-spec');
});
afterEach(() => scope.close());

describe('probe', () => {
  it.each(['127.0.0.1', '::1'])('counts to which process new connections to %s go', async (host) => {
    const { origins, program } = await spawnOrigins(scope, [{ name: 'a', host }]);
    const other = await spawnOrigins(scope, [{ name: 'b', host }]);
    const probe = await Probe.start(scope);
    const roots = { a: program.process.pid, b: other.program.process.pid };
    const target = { host, port: origins[0]!.port, roots };
    expect(await probe.spread({ ...target, connections: 70, batch: 30 })).toEqual({
      connections: 70,
      perSe: { a: 70 },
      unattributed: 0,
      failures: [],
    });
    const unknown = await probe.spread({ ...target, roots: { b: roots.b }, connections: 3 });
    expect(unknown).toMatchObject({ perSe: {}, unattributed: 3 });
    await expect(probe.firstServedBy({ ...target, se: 'a', within: 1_000 })).resolves.toBeGreaterThan(0);
    await expect(probe.firstServedBy({ ...target, se: 'b', within: 100 })).rejects.toThrow(
      /b accepted no new connection within 100 ms; last seen: .*"a":16/,
    );
    await origins[0]!.goAway();
    const refused = await probe.spread({ ...target, connections: 3 });
    expect(refused.failures).toHaveLength(3);
    expect(refused.failures[0]).toContain('ECONNREFUSED');
  });
});
