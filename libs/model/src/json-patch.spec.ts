import { describe, expect, it } from '@jest/globals';
import { applyJsonPatch } from './index.js';

const value = { name: 'p', servers: [{ port: 80 }, { port: 81 }], 'a/b~c': 1 };

describe('applyJsonPatch', () => {
  it.each<[string, object[], unknown]>([
    ['adds a member', [{ op: 'add', path: '/x', value: 1 }], { ...value, x: 1 }],
    [
      'adds into a list',
      [{ op: 'add', path: '/servers/1', value: 0 }],
      { ...value, servers: [{ port: 80 }, 0, { port: 81 }] },
    ],
    [
      'adds to the end',
      [{ op: 'add', path: '/servers/-', value: 0 }],
      { ...value, servers: [...value.servers, 0] },
    ],
    ['removes', [{ op: 'remove', path: '/servers/0' }], { ...value, servers: [{ port: 81 }] }],
    [
      'replaces',
      [{ op: 'replace', path: '/servers/1/port', value: 9 }],
      { ...value, servers: [{ port: 80 }, { port: 9 }] },
    ],
    ['replaces the whole', [{ op: 'replace', path: '', value: { a: 1 } }], { a: 1 }],
    [
      'moves',
      [{ op: 'move', from: '/name', path: '/servers/0/port' }],
      { servers: [{ port: 'p' }, { port: 81 }], 'a/b~c': 1 },
    ],
    [
      'copies',
      [{ op: 'copy', from: '/servers/0', path: '/servers/-' }],
      { ...value, servers: [...value.servers, { port: 80 }] },
    ],
    ['unescapes', [{ op: 'test', path: '/a~1b~0c', value: 1 }], value],
    ['tests in depth', [{ op: 'test', path: '/servers', value: [{ port: 80 }, { port: 81 }] }], value],
  ])('%s', (_name, operations, expected) => {
    const before = structuredClone(value);
    expect(applyJsonPatch(value, operations)).toEqual({ value: expected, errors: [] });
    expect(value).toEqual(before);
  });

  it.each<[string, unknown]>([
    ['no list', { op: 'add' }],
    ['no object', ['x']],
    ['an unknown op', [{ op: 'grow', path: '/name' }]],
    ['no value', [{ op: 'add', path: '/name' }]],
    ['a missing member', [{ op: 'remove', path: '/nothing' }]],
    ['a missing parent', [{ op: 'add', path: '/nothing/here', value: 1 }]],
    ['an index after the end', [{ op: 'add', path: '/servers/3', value: 1 }]],
    ['an index with a leading zero', [{ op: 'remove', path: '/servers/01' }]],
    ['the place after the end', [{ op: 'remove', path: '/servers/-' }]],
    ['a path through text', [{ op: 'add', path: '/name/x', value: 1 }]],
    ['a path without slash', [{ op: 'add', path: 'name', value: 1 }]],
    ['a failed test', [{ op: 'test', path: '/name', value: 'r' }]],
    ['a move into itself', [{ op: 'move', from: '/servers', path: '/servers/0' }]],
    ['a prototype', [{ op: 'add', path: '/__proto__/x', value: 1 }]],
  ])('refuses %s and changes nothing', (_name, operations) => {
    const all = Array.isArray(operations)
      ? [{ op: 'replace', path: '/name', value: 'q' }, ...(operations as unknown[])]
      : operations;
    const result = applyJsonPatch(value, all);
    expect(result.value).toEqual(value);
    expect(result.errors.map((e) => e.field)).toEqual([
      Array.isArray(operations) ? 'json_patch[1]' : 'json_patch',
    ]);
  });
});
