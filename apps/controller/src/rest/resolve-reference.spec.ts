import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ObjectIndex } from '../store/object-index.js';
import type { StoredObject } from '../store/index.js';
import { parseReference } from './reference-input.js';
import { resolveReference } from './resolve-reference.js';

const object = (
  kind: string,
  uuid: string,
  name: string,
  more: Partial<StoredObject> = {},
): StoredObject => ({
  uuid,
  kind,
  name,
  tenantUuid: 'admin',
  scopeUuid: '',
  spec: { name },
  generation: 1,
  lastModified: '1',
  systemDefault: false,
  ...more,
});

function view(...objects: StoredObject[]): ObjectIndex {
  const index = new ObjectIndex();
  for (const o of objects) index.put(o);
  return index;
}

const world = view(
  object('pool', 'pool-1', 'foo'),
  object('pool', 'pool-2', 'my pool'),
  object('pool', 'pool-3', 'both', { scopeUuid: 'cloud-1' }),
  object('pool', 'pool-4', 'both', { scopeUuid: 'cloud-2' }),
  object('pool', 'pool-5', 'foo', { tenantUuid: 'tenant-1' }),
  object('tenant', 'tenant-1', 'blue'),
  object('cloud', 'cloud-1', 'one'),
  object('cloud', 'cloud-2', 'two'),
);
const resolve = (text: string, tenantUuid = 'admin', cloudUuid?: string) => {
  const result = resolveReference(text, 'pool', { tenantUuid, cloudUuid }, world, () => true);
  return 'found' in result ? result.found.uuid : result.problem;
};

describe('resolveReference', () => {
  it.each([
    'https://10.0.0.1/api/pool/pool-1#foo',
    'https://10.0.0.1/api/pool/pool-1',
    'https://10.0.0.1:9443/api/pool/pool-1/',
    '/api/pool/pool-1',
    'api/pool/pool-1',
    '/api/pool?name=foo',
    '/api/pool/?name=foo',
    '/api/pool/?name=foo&tenant=admin',
    '/api/pool?name=foo#foo',
    '/api/pool?uuid=pool-1',
    'pool-1',
    'foo',
  ])('takes %s', (text) => {
    expect(resolve(text)).toBe('pool-1');
  });

  it('takes names with spaces, escaped or not', () => {
    for (const text of [
      '/api/pool?name=my pool',
      '/api/pool?name=my+pool',
      '/api/pool/?name=my%20pool',
      'my pool',
    ])
      expect(resolve(text)).toBe('pool-2');
  });

  it('prefers the own tenant, then what a query says', () => {
    expect(resolve('foo', 'tenant-1')).toBe('pool-5');
    expect(resolve('/api/pool?name=foo&tenant=blue')).toBe('pool-5');
  });

  it('prefers the own cloud, and refuses to guess', () => {
    expect(resolve('both', 'admin', 'cloud-2')).toBe('pool-4');
    expect(resolve('/api/pool?name=both&cloud=one')).toBe('pool-3');
    expect(resolve('both')).toBe('ambiguous');
  });

  it('refuses another kind and what is not there', () => {
    expect(resolve('/api/tenant/tenant-1')).toBe('kind');
    expect(resolve('tenant-1')).toBe('none');
    expect(resolve('/api/pool/pool-9')).toBe('none');
    expect(resolve('')).toBe('none');
  });

  it('reads any text, and what it reads of a link is its uuid', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseReference(text);
      }),
    );
    fc.assert(
      fc.property(fc.uuid(), fc.string(), (uuid, name) => {
        expect(parseReference(`https://host/api/pool/pool-${uuid}#${name}`)).toMatchObject({
          kind: 'pool',
          uuid: `pool-${uuid}`,
        });
      }),
    );
  });
});
