import { describe, expect, it } from '@jest/globals';
import { macroKind, planMacro } from './macro.js';

describe('planMacro', () => {
  it('makes what is nested first, at any depth, and refers to it', () => {
    const steps = planMacro('virtualservice', {
      name: 'shop',
      services: [{ port: 8443 }],
      vsvip_ref_data: { name: 'vip', vip: [{ ip_address: { addr: '10.0.0.1', type: 'V4' } }] },
      pool_ref_data: {
        name: 'p',
        health_monitor_refs_data: [{ name: 'm1' }, { name: 'm2' }],
        health_monitor_refs: ['m0'],
      },
    });
    expect(steps.map((s) => [s.kind, s.body['name']])).toEqual([
      ['vsvip', 'vip'],
      ['healthmonitor', 'm1'],
      ['healthmonitor', 'm2'],
      ['pool', 'p'],
      ['virtualservice', 'shop'],
    ]);
    expect(steps.at(-1)?.body).toEqual({
      name: 'shop',
      services: [{ port: 8443 }],
      vsvip_ref: 'macro:0',
      pool_ref: 'macro:3',
    });
    expect(steps[3]?.body['health_monitor_refs']).toEqual(
      expect.arrayContaining(['macro:1', 'macro:2', 'm0']),
    );
  });

  it('finds nested objects inside lists of a message', () => {
    const steps = planMacro('poolgroup', {
      name: 'g',
      members: [{ pool_ref_data: { name: 'p' }, ratio: 2 }],
    });
    expect(steps.map((s) => s.kind)).toEqual(['pool', 'poolgroup']);
    expect(steps[1]?.body['members']).toEqual([{ pool_ref: 'macro:0', ratio: 2 }]);
  });

  it('calls a pool without a name after the virtual service and gives it its port', () => {
    const [pool] = planMacro('virtualservice', {
      name: 'shop',
      services: [{ port: 8080 }],
      pool_ref_data: { servers: [] },
    });
    expect(pool?.body).toMatchObject({ name: 'shop-pool', default_server_port: 8080 });
  });

  it('refuses what is no type, what is no object, and nesting without end', () => {
    expect(() => macroKind('Nonsense')).toThrow(/model_name/);
    expect(() => macroKind('SystemConfiguration')).toThrow(/model_name/);
    expect(macroKind('VirtualService')).toBe('virtualservice');
    expect(() => planMacro('pool', { health_monitor_refs_data: ['x'] })).toThrow(/health_monitor_refs_data/);
    let deep: Record<string, unknown> = { name: 'vs' };
    for (let i = 0; i < 20; i += 1) deep = { name: 'vs', vh_parent_vs_ref_data: deep };
    expect(() => planMacro('virtualservice', deep)).toThrow(/deep/);
  });
});
