import { describe, expect, it } from '@jest/globals';
import { FieldReport } from '../rest/field-report.js';
import type { ObjectView } from '../store/index.js';
import { actionInput } from './action-input.js';
import type { ActionName } from './action.service.js';

const none: ObjectView = {
  get: () => undefined,
  byKind: () => [],
  byName: () => [],
  referrers: () => [],
};

function read(action: ActionName | 'retryplacement', body: unknown, strict = false) {
  const report = new FieldReport();
  return { input: actionInput(action, body, none, { report, strict }), headers: report.headers() };
}

describe('the body of an action', () => {
  it('may be absent, and names a VIP by text or number', () => {
    expect(read('scaleout', undefined).input).toMatchObject({ vipId: undefined, toSe: undefined });
    expect(read('scaleout', { vip_id: 1 }).input.vipId).toBe('1');
  });

  it('reports what the action does not take and what has no effect; strict refuses it', () => {
    const body = { vip_id: '0', admin_up: true, new_vcpus: 2, from_se_ref: 'se-1', colour: 'red' };
    const { input, headers } = read('scaleout', body);
    expect(input.fromSe).toBeUndefined();
    expect(headers).toEqual({
      'X-Spillway-Unknown': 'from_se_ref, colour',
      'X-Spillway-Unhonoured': 'admin_up, new_vcpus',
    });
    expect(() => read('scaleout', body, true)).toThrow('from_se_ref');
    expect(read('scaleout', { vip_id: '0', uuid: 'x', admin_up: false, new_vcpus: 0 }, true).headers).toEqual(
      {},
    );
    expect(read('scalein', { from_se_ref: 'se-1', admin_down: false }, true).input.fromSe).toBe('se-1');
  });

  it('says which value is wrong and what to set it to', () => {
    expect(() => read('migrate', { vip_id: [1] })).toThrow(
      'Field check for vip_id failed : [1] is not allowed. Set it to the vip_id of a VIP of the virtual service, such as "0"',
    );
    expect(() => read('scaleout', { to_new_se: 'yes' })).toThrow(
      /"yes" is not allowed. Set it to true or false/,
    );
    expect(() => read('scaleout', [1])).toThrow(/is a JSON object/);
  });
});
