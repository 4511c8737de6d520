import { describe, expect, it } from '@jest/globals';
import { mapReferences, references } from './index.js';

const vs = {
  name: 'v',
  tenant_ref: 'admin',
  pool_ref: 'p',
  ssl_key_and_certificate_refs: ['a', 'b'],
  http_policies: [{ index: 1, http_policy_set_ref: 'h' }],
};

describe('references', () => {
  it('finds them at any depth, in lists too', () => {
    expect(references('virtualservice', vs)).toEqual([
      { path: 'tenant_ref', targetKind: 'tenant', value: 'admin' },
      { path: 'pool_ref', targetKind: 'pool', value: 'p' },
      { path: 'ssl_key_and_certificate_refs[0]', targetKind: 'sslkeyandcertificate', value: 'a' },
      { path: 'ssl_key_and_certificate_refs[1]', targetKind: 'sslkeyandcertificate', value: 'b' },
      { path: 'http_policies[0].http_policy_set_ref', targetKind: 'httppolicyset', value: 'h' },
    ]);
  });

  it('rewrites a copy', () => {
    const before = structuredClone(vs);
    const mapped = mapReferences('virtualservice', vs, (r) => `${r.targetKind}-${r.value}`);
    expect(vs).toEqual(before);
    expect(references('virtualservice', mapped).map((r) => r.value)).toEqual([
      'tenant-admin',
      'pool-p',
      'sslkeyandcertificate-a',
      'sslkeyandcertificate-b',
      'httppolicyset-h',
    ]);
  });

  it('leaves out what maps to nothing, and the list that it empties', () => {
    const mapped = mapReferences('virtualservice', vs, (r) =>
      r.targetKind === 'sslkeyandcertificate' ? undefined : r.value,
    );
    expect(mapped).not.toHaveProperty('ssl_key_and_certificate_refs');
    expect(mapReferences('virtualservice', vs, (r) => (r.value === 'a' ? undefined : r.value))).toMatchObject(
      {
        ssl_key_and_certificate_refs: ['b'],
      },
    );
  });
});
