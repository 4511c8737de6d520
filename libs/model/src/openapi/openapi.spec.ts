import { describe, expect, it } from '@jest/globals';
import { kindNames, kinds, openapi } from '../index.js';
import { isObject, type Json } from '../walk.js';

const document = openapi({
  server: 'https://h',
  extraPaths: { '/api/virtualservice/{uuid}/scaleout': { post: { operationId: 'scaleout' } } },
  extraMessages: ['VsScaleoutParams'],
});
const paths = document['paths'] as Record<string, Record<string, Json>>;

function eachObject(value: unknown, visit: (o: Json) => void): void {
  if (Array.isArray(value)) for (const e of value) eachObject(e, visit);
  else if (isObject(value)) {
    visit(value);
    for (const e of Object.values(value)) eachObject(e, visit);
  }
}

const resolve = (ref: string): unknown =>
  ref
    .replace('#/', '')
    .split('/')
    .reduce<unknown>((at, step) => (isObject(at) ? at[step] : undefined), document);

describe('openapi', () => {
  it('resolves every reference', () => {
    let count = 0;
    eachObject(document, (o) => {
      if (typeof o['$ref'] !== 'string') return;
      count += 1;
      expect([o['$ref'], isObject(resolve(o['$ref']))]).toEqual([o['$ref'], true]);
    });
    expect(count).toBeGreaterThan(1000);
  });

  it('has the verbs of every kind, and names each operation once', () => {
    for (const kind of kindNames()) {
      const { singleton } = kinds[kind];
      expect(Object.keys(paths[`/api/${kind}`] ?? {})).toEqual(
        singleton ? ['get', 'put', 'patch'] : ['get', 'post'],
      );
      expect(Object.keys(paths[`/api/${kind}/{uuid}`] ?? {})).toEqual(
        singleton ? [] : ['parameters', 'get', 'put', 'patch', 'delete'],
      );
    }
    const names = Object.values(paths).flatMap((item) =>
      Object.values(item).flatMap((o) => (typeof o['operationId'] === 'string' ? [o['operationId']] : [])),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('scaleout');
  });

  it('states types, ranges with their special values, defaults, and what is secret', () => {
    const schemas = (document['components'] as Json)['schemas'] as Record<string, { properties: Json }>;
    expect(schemas['Pool']?.properties['graceful_disable_timeout']).toEqual({
      anyOf: [
        { type: 'integer', minimum: 1, maximum: 7200 },
        { type: 'integer', enum: [0, -1] },
      ],
      description: 'In minutes. 0 - Immediate, -1 - Infinite.',
      default: 1,
      'x-spillway-honoured': expect.any(String),
    });
    expect(schemas['Pool']?.properties['servers']).toMatchObject({
      type: 'array',
      items: { $ref: '#/components/schemas/Server' },
      maxItems: 5000,
    });
    expect(schemas['User']?.properties['password']).toMatchObject({ writeOnly: true });
    expect(schemas['VsScaleoutParams']).toMatchObject({ required: ['vip_id'] });
  });
});
