import { describe, expect, it } from '@jest/globals';
import type { NetworkPolicy } from '@spillway/snapshot';
import { peer } from './match/view.js';
import { CompiledNetworkPolicy, ConnectionView } from './network.js';
import { limitersOf } from './testing/messages.js';

type Rule = NetworkPolicy['rules'][number];

const groups = {
  strings: new Map(),
  addresses: new Map([
    ['office', { uuid: 'office', name: 'office', ranges: [{ first: '192.0.2.0', last: '192.0.2.255' }] }],
  ]),
};
const rule = (index: number, action: Rule['action'], parts: Partial<Rule> = {}): Rule => ({
  index,
  name: 'n',
  action,
  ...parts,
});
const office = { negated: false, ranges: [], address_group_uuids: ['office'] };

function admit(
  rules: Rule[],
  address: string,
  ports: [client: number, vs: number] = [40_000, 80],
  most = Infinity,
): boolean {
  const policy = new CompiledNetworkPolicy({ uuid: 'p', name: 'p', rules }, groups, limitersOf(most));
  const view = new ConnectionView();
  view.client = peer(address);
  [view.clientPort, view.port] = ports;
  return policy.admit(view, 0);
}

describe('a network security policy', () => {
  const allowOffice = rule(1, { type: 'allow' }, { client_ip: office });

  it('lets the first rule that matches decide, and everybody in who matches none', () => {
    expect(admit([allowOffice, rule(2, { type: 'deny' })], '192.0.2.7')).toBe(true);
    expect(admit([allowOffice, rule(2, { type: 'deny' })], '198.51.100.1')).toBe(false);
    expect(admit([rule(1, { type: 'deny' }), allowOffice], '192.0.2.7')).toBe(false);
    expect(admit([rule(1, { type: 'deny' }, { client_ip: office })], '2001:db8::1')).toBe(true);
    expect(
      admit([rule(1, { type: 'deny' }, { client_ip: { ...office, negated: true } })], '2001:db8::1'),
    ).toBe(false);
    expect(admit([], '192.0.2.7')).toBe(true);
  });

  it('asks for ports', () => {
    const low = rule(
      1,
      { type: 'deny' },
      { client_port: { negated: false, ranges: [{ begin: 1, end: 1023 }] } },
    );
    expect([admit([low], '192.0.2.7', [1023, 80]), admit([low], '192.0.2.7', [1024, 80])]).toEqual([
      false,
      true,
    ]);
    const plain = rule(1, { type: 'deny' }, { vs_port: { negated: true, values: [443] } });
    expect([admit([plain], '192.0.2.7', [5000, 80]), admit([plain], '192.0.2.7', [5000, 443])]).toEqual([
      false,
      true,
    ]);
  });

  it('holds to a rate and asks the rules behind it within', () => {
    const rate = rule(1, { type: 'rate_limit', rate: 5, burst: 10 });
    expect(admit([rate], '192.0.2.7', [1, 1], 1)).toBe(true);
    expect(admit([rate], '192.0.2.7', [1, 1], 0)).toBe(false);
    expect(admit([rate, rule(2, { type: 'deny' })], '192.0.2.7', [1, 1], 1)).toBe(false);
  });

  it('finds an address among many rules', () => {
    const rules = Array.from({ length: 5000 }, (_, i) =>
      rule(
        i,
        { type: 'deny' },
        {
          client_ip: {
            negated: false,
            ranges: [{ first: `10.${i >> 8}.${i & 255}.0`, last: `10.${i >> 8}.${i & 255}.127` }],
            address_group_uuids: [],
          },
        },
      ),
    );
    expect([admit(rules, '10.7.9.5'), admit(rules, '10.7.9.128'), admit(rules, '11.0.0.1')]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
