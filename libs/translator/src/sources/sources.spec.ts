import { describe, expect, it } from '@jest/globals';
import { applyDefaults, type FilledPool, type KindTypes } from '@spillway/model';
import { Server } from '@spillway/snapshot';
import fc from 'fast-check';
import { serversOf } from '../servers.js';
import type { Lookup } from '../types.js';
import { namesOf, RESOLVED_NAME, type ResolvedAddress, resolvedNameUuid } from './names.js';

const NAMES = ['a.example', 'b.example'];
const address = fc.integer({ min: 1, max: 6 }).map((n) => `10.0.0.${n}`);
const server = fc.record(
  {
    ip: fc.oneof(
      address.map((addr) => ({ addr, type: 'V4' })),
      fc.constantFrom(...NAMES).map((addr) => ({ addr, type: 'DNS' })),
    ),
    port: fc.constantFrom(80, 81),
    enabled: fc.boolean(),
    disable_immediately: fc.boolean(),
    disabled_at: fc.integer({ min: 0, max: 1_000_000 }),
    ratio: fc.integer({ min: 1, max: 20 }),
  },
  { requiredKeys: ['ip'] },
);
const known = fc.uniqueArray(
  fc.record(
    { address, gone_at: fc.integer({ min: 0, max: 1_000_000 }), over: fc.boolean() },
    { requiredKeys: ['address'] },
  ),
  { selector: (one) => one.address, maxLength: 6 },
);
const world = fc.record({
  servers: fc.array(server, { maxLength: 8 }),
  names: fc.tuple(known, known),
  graceful_disable_timeout: fc.constantFrom(-1, 0, 1, 7),
  delete_server_on_dns_refresh: fc.boolean(),
  use_service_port: fc.boolean(),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

const poolOf = ({ names: _names, ...spec }: World): FilledPool =>
  applyDefaults('pool', { name: 'p', ...spec } as unknown as KindTypes['pool']);

function lookupOf({ names }: World): Lookup {
  const objects = new Map(
    NAMES.map((name, i) => {
      const uuid = resolvedNameUuid(name);
      const spec = { name, addresses: names[i] as readonly ResolvedAddress[] };
      return [uuid, { kind: RESOLVED_NAME, uuid, name, generation: 1, spec }];
    }),
  );
  return { get: (uuid) => objects.get(uuid) };
}

describe('the servers of a pool', () => {
  it('are each there once, as a snapshot can hold them, those that are written first', () => {
    fc.assert(
      fc.property(world, (w) => {
        const { servers } = serversOf(poolOf(w), lookupOf(w));
        const ids = servers.map((s) => `${s.address} ${s.port}`);
        expect(new Set(ids).size).toBe(ids.length);
        for (const s of servers) expect(Server.safeParse(s).success).toBe(true);
        if (w.use_service_port) expect(servers.every((s) => s.port === 0)).toBe(true);
      }),
    );
  });

  it('have every address that a name has, and none that all have left', () => {
    fc.assert(
      fc.property(world, (w) => {
        const pool = poolOf(w);
        const { servers } = serversOf(pool, lookupOf(w));
        const has = new Set(servers.map((s) => s.address));
        const written = new Set(w.servers.map((s) => s.ip.addr));
        for (const name of namesOf(pool)) {
          const addresses = w.names[NAMES.indexOf(name)]!;
          for (const a of addresses) if (a.gone_at === undefined) expect(has).toContain(a.address);
        }
        if (!w.delete_server_on_dns_refresh) return;
        const lives = NAMES.flatMap((name, i) =>
          namesOf(pool).includes(name)
            ? w.names[i]!.filter((a) => a.gone_at === undefined || a.over !== true).map((a) => a.address)
            : [],
        );
        for (const one of has) expect(written.has(one) || lives.includes(one)).toBe(true);
      }),
    );
  });

  it('are enabled where their name has them and their operator wants them, and else have the pool’s time', () => {
    fc.assert(
      fc.property(world, (w) => {
        const { servers } = serversOf(poolOf(w), lookupOf(w));
        for (const s of servers) {
          if (s.state === 'enabled') expect(s.drain_until).toBeUndefined();
          if (w.graceful_disable_timeout === 0) expect(s.state).not.toBe('draining');
          if (w.graceful_disable_timeout < 0) expect(s.drain_until).toBeUndefined();
          if (s.drain_until !== undefined)
            expect(s.drain_until).toBeGreaterThanOrEqual(w.graceful_disable_timeout * 60_000);
        }
      }),
    );
  });
});
