import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sampleAddress } from './address.js';
import { withPorts } from './create.js';
import { sampleObjects } from './objects.js';

const server = (addr: string, port: number) => ({ ip: { addr, type: 'V4' }, port, ratio: 2 });

describe('sample application', () => {
  test('has a loopback address of its own per directory, and always the same', () => {
    fc.assert(
      fc.property(fc.string(), (directory) => {
        const address = sampleAddress(directory);
        expect(address).toMatch(/^127\.77\.\d{1,3}\.\d{1,3}$/);
        const last = Number(address.split('.')[3]);
        expect(last).toBeGreaterThan(0);
        expect(last).toBeLessThan(255);
        expect(sampleAddress(directory)).toBe(address);
      }),
    );
    const many = new Set(Array.from({ length: 100 }, (_, index) => sampleAddress(`/tmp/${index}`)));
    expect(many.size).toBeGreaterThan(95);
  });

  test('makes each object after those it refers to', () => {
    const objects = sampleObjects({ address: '127.77.0.1', port: 8080, origins: [1, 2, 3], created: false });
    const made = new Set<string>();
    for (const { kind, body } of objects) {
      const references = [...JSON.stringify(body).matchAll(/\/api\/(\w+)\?name=([\w-]+)/g)];
      for (const [, refKind, refName] of references) expect(made).toContain(`${refKind}/${refName}`);
      made.add(`${kind}/${body.name}`);
    }
    expect(made.size).toBe(4);
  });

  test('only the servers whose port moved are changed', () => {
    const before = [server('127.0.0.1', 1), server('127.0.0.1', 7), server('10.0.0.1', 2)];
    expect(withPorts(before, [1, 2, 3], [11, 12, 13])).toEqual([
      server('127.0.0.1', 11),
      server('127.0.0.1', 7),
      server('10.0.0.1', 2),
    ]);
  });
});
