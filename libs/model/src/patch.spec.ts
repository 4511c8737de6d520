import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { applyDefaults, mergePatch, parseObject, type Pool } from './index.js';
import { arbitraryObject } from './testing/arbitrary.js';

const server = (addr: string, port?: number, rest: object = {}): object => ({
  ip: { addr, type: 'V4' },
  ...(port === undefined ? {} : { port }),
  ...rest,
});

const pool = {
  name: 'p',
  description: 'old',
  servers: [server('10.0.0.1', 80, { ratio: 2 }), server('10.0.0.2', 80), server('10.0.0.2', 81)],
  health_monitor_refs: ['a', 'b'],
  server_reselect: { enabled: true, num_retries: 2 },
} as Pool;

const subnet = { ip_addr: { addr: '10.0.0.0', type: 'V4' as const }, mask: 8 };

const patched = (patch: object): object => mergePatch('pool', pool, patch).value;

describe('mergePatch', () => {
  it('adds servers by address and port: merges the known, appends the new', () => {
    const value = patched({
      add: { servers: [server('10.0.0.1', 80, { enabled: false }), server('10.0.0.3', 80)] },
    });
    expect(value).toEqual({
      ...pool,
      servers: [
        server('10.0.0.1', 80, { ratio: 2, enabled: false }),
        server('10.0.0.2', 80),
        server('10.0.0.2', 81),
        server('10.0.0.3', 80),
      ],
    });
  });

  it('adds references and scalars once', () => {
    expect(patched({ add: { health_monitor_refs: ['b', 'c'], description: 'new' } })).toEqual({
      ...pool,
      health_monitor_refs: ['a', 'b', 'c'],
      description: 'new',
    });
  });

  it('merges a nested message when adding, and swaps it when replacing', () => {
    expect(patched({ add: { server_reselect: { num_retries: 3 } } })).toMatchObject({
      server_reselect: { enabled: true, num_retries: 3 },
    });
    expect(patched({ replace: { server_reselect: { num_retries: 3 } } })).toMatchObject({
      server_reselect: { num_retries: 3 },
    });
    expect(patched({ replace: { server_reselect: { num_retries: 3 } } })).not.toHaveProperty(
      'server_reselect.enabled',
    );
  });

  it('replaces a whole list, and takes it away when the new one is empty', () => {
    expect(patched({ replace: { servers: [server('10.0.0.9', 1)] } })).toMatchObject({
      servers: [server('10.0.0.9', 1)],
    });
    expect(patched({ replace: { servers: [] } })).not.toHaveProperty('servers');
    expect(patched({ replace: { description: null } })).not.toHaveProperty('description');
  });

  it('deletes what matches: exactly, else by the part of the key that is given', () => {
    expect(patched({ delete: { servers: [server('10.0.0.2', 81)] } })).toMatchObject({
      servers: [pool.servers?.[0], pool.servers?.[1]],
    });
    expect(patched({ delete: { servers: [server('10.0.0.2')] } })).toMatchObject({
      servers: [pool.servers?.[0]],
    });
    expect(patched({ delete: { servers: [server('10.0.0.7', 80)] } })).toEqual(pool);
    expect(patched({ delete: { servers: [] } })).toEqual(pool);
    expect(patched({ delete: { health_monitor_refs: ['a', 'b'] } })).not.toHaveProperty(
      'health_monitor_refs',
    );
    expect(patched({ delete: { description: '', server_reselect: {} } })).toEqual({
      name: 'p',
      servers: pool.servers,
      health_monitor_refs: ['a', 'b'],
    });
  });

  it('deletes, then replaces, then adds', () => {
    const value = patched({
      add: { health_monitor_refs: ['d'] },
      replace: { health_monitor_refs: ['c'] },
      delete: { health_monitor_refs: ['a'] },
    });
    expect(value).toMatchObject({ health_monitor_refs: ['c', 'd'] });
  });

  it('names what it does not know, and refuses what is no object', () => {
    expect(mergePatch('pool', pool, { add: { colour: 1, servers: [{ weight: 1 }] } }).unknown).toEqual([
      'colour',
      'servers[].weight',
    ]);
    expect(mergePatch('pool', pool, { add: [1] }).errors.map((e) => e.field)).toEqual(['add']);
  });

  it('knows elements again that were stored with their defaults', () => {
    const stored = applyDefaults('virtualservice', { name: 'v', services: [{ port: 80 }] });
    const add = { services: [{ port: 80, enable_ssl: true }, { port: 81 }] };
    expect(mergePatch('virtualservice', stored, { add }).value.services).toEqual([
      { ...stored.services?.[0], enable_ssl: true },
      { port: 81 },
    ]);
    const network = applyDefaults('network', { name: 'n', configured_subnets: [{ prefix: subnet }] });
    const again = mergePatch('network', network, { add: { configured_subnets: [{ prefix: subnet }] } }).value;
    expect(again.configured_subnets).toHaveLength(1);
  });

  it('leaves read-only fields and its arguments alone', () => {
    const before = structuredClone(pool);
    expect(
      patched({ replace: { virtualservices: ['v'] }, delete: { virtualservices: ['v'], url: '' } }),
    ).toEqual(pool);
    expect(pool).toEqual(before);
  });

  it('adding what is there changes nothing; deleting it all leaves an object without it', () => {
    fc.assert(
      fc.property(arbitraryObject('pool'), (input) => {
        const { value } = parseObject('pool', input);
        const { name, ...rest } = value;
        const again = mergePatch('pool', value, { add: rest }).value;
        // Two servers with one key are merged into the first, which the rules of a pool would have refused anyway.
        const keys = new Set((value.servers ?? []).map((s) => `${s.ip.addr} ${s.port}`));
        fc.pre(keys.size === (value.servers ?? []).length);
        expect(Object.keys(again).sort()).toEqual(Object.keys(value).sort());
        expect(again.servers).toEqual(value.servers);
        expect(mergePatch('pool', value, { delete: rest }).value).toEqual({ name });
      }),
      { numRuns: 200 },
    );
  });
});
