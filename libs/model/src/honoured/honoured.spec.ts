import { describe, expect, it } from '@jest/globals';
// The marks name files; what is tested does no I/O.
// oxlint-disable-next-line no-restricted-imports
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fieldAt, honour, honoursValue, kindNames, kinds, marksOf, parseObject } from '../index.js';

const ROOT = join(import.meta.dirname, '../../../..');
const all = kindNames().flatMap((kind) => marksOf(kind).map((mark) => ({ kind, mark })));
const unhonoured = (kind: Parameters<typeof parseObject>[0], input: object): string[] =>
  parseObject(kind, input, { partial: true }).unhonoured;

describe('each mark', () => {
  it('names a test that is there', () => {
    const proofs = [...new Set(all.map(({ mark }) => mark.proof))];
    expect(
      proofs.filter((proof) => !/\.(spec|test)\.ts$/.test(proof) || !existsSync(join(ROOT, proof))),
    ).toEqual([]);
  });

  it('names fields that the schema has, values that they take, and `.*` for a whole message', () => {
    const wrong = all.flatMap(({ kind, mark }) =>
      mark.paths
        .filter((path) => {
          const [, at = '', whole, value] = /^(.*?)(\.\*)?(?:=(.*))?$/.exec(path) ?? [];
          const field = fieldAt(kinds[kind].type, at);
          if (!field || (field.nested !== undefined) !== (whole !== undefined)) return true;
          if (value === undefined) return false;
          return !(field.facts.enum ?? (field.scalar === 'boolean' ? ['true', 'false'] : [])).includes(value);
        })
        .map((path) => `${kind}: ${path}`),
    );
    expect(wrong).toEqual([]);
  });

  it('spells a list with brackets, so that the walk over an object finds it', () => {
    for (const { kind, mark } of all) {
      for (const path of mark.paths) {
        const steps = path.replace(/=.*$/, '').replace(/\.\*$/, '').split('.');
        steps.forEach((step, i) => {
          const inner = i < steps.length - 1 || path.endsWith('.*');
          const field = fieldAt(kinds[kind].type, steps.slice(0, i + 1).join('.'));
          expect([path, step.endsWith('[]')]).toEqual([path, inner && field?.repeated === true]);
        });
      }
    }
  });

  it('is made once', () => {
    for (const kind of kindNames()) {
      const paths = marksOf(kind).flatMap((mark) => mark.paths);
      expect(paths).toEqual([...new Set(paths)]);
    }
  });
});

describe('honour', () => {
  it('tells whole, in part and stored', () => {
    expect(honour('pool', 'name')).toBe('honoured');
    expect(honour('pool', 'servers')).toBe('in part');
    expect(honour('pool', 'servers[3].ip')).toBe('honoured');
    expect(honour('pool', 'servers[3].ip.addr')).toBe('honoured');
    expect(honour('pool', 'lb_algorithm')).toBe('in part');
    expect(honour('pool', 'horizon_profile')).toBe('stored');
    expect(honour('pool', 'server')).toBe('stored');
    expect(honoursValue('pool', 'lb_algorithm', 'LB_ALGORITHM_ROUND_ROBIN')).toBe(true);
    expect(honoursValue('pool', 'lb_algorithm', 'LB_ALGORITHM_TOPOLOGY')).toBe(false);
  });

  it('names what is set and without effect: message, field or value, each once', () => {
    expect(
      unhonoured('pool', {
        enabled: false,
        lb_algorithm: 'LB_ALGORITHM_TOPOLOGY',
        horizon_profile: {},
        fail_action: { type: 'FAIL_ACTION_HTTP_LOCAL_RSP' },
        nsx_securitygroup: ['a', 'b'],
        conn_pool_properties: { upstream_connpool_conn_max_reuse: 5, upstream_connpool_conn_idle_tmo: 5 },
        servers: [
          { ip: { addr: '10.0.0.1', type: 'V4' }, location: { name: 'here' } },
          { ip: { addr: '10.0.0.2', type: 'V4' }, location: { name: 'there' } },
        ],
      }),
    ).toEqual(['lb_algorithm=LB_ALGORITHM_TOPOLOGY', 'nsx_securitygroup', 'servers[].location']);
  });

  it('does not mind what asks for nothing', () => {
    expect(
      unhonoured('pool', {
        east_west: false,
        inline_health_monitor: true,
        fail_action: {},
        autoscale_networks: [],
      }),
    ).toEqual([]);
    const filled = 'https://h/api/analyticsprofile/analyticsprofile-1#System-Analytics-Profile';
    expect(unhonoured('pool', { analytics_profile_ref: filled })).toEqual([]);
    expect(unhonoured('pool', { analytics_profile_ref: 'mine' })).toEqual(['analytics_profile_ref']);
    expect(unhonoured('pool', { east_west: true, routing_pool: true })).toEqual([
      'east_west',
      'routing_pool',
    ]);
  });
});
