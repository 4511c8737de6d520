import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  FlowTable,
  FlowTableError,
  MEMBER_STATE,
  MOST_MEMBERS,
  TABLE_BYTES,
  type FlowHash,
} from './flow-table.js';
import { fits, hasSecret, MOST_HOPS, readPass, writePass, type Passed } from './passing.js';

function table(): FlowTable {
  const bytes = new Uint8Array(TABLE_BYTES);
  FlowTable.format(bytes, (n) => randomBytes(n));
  return new FlowTable(bytes);
}

const hashOf = (t: FlowTable, address: string, port: number): FlowHash => {
  const hash = { cell: 0, tag: 0 };
  t.hash(address, port, 53, hash);
  return hash;
};

describe('the flow table', () => {
  it('gives each flow one owner that lives, whatever members do', () => {
    const flow = fc.nat({ max: 30 });
    const member = fc.nat({ max: 3 });
    const step = fc.oneof(
      fc.record({ do: fc.constant('claim' as const), flow, member }),
      fc.record({ do: fc.constant('release' as const), flow, member }),
      fc.record({ do: fc.constant('die' as const), flow, member }),
      fc.record({ do: fc.constant('hint' as const), flow, member }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const t = table();
        const places = [0, 1, 2, 3].map(() => t.join(1000));
        expect(new Set(places).size).toBe(4);
        const owners = new Map<number, { place: number; hint: number }>();
        for (const s of steps) {
          const hash = hashOf(t, '10.0.0.1', s.flow);
          const place = places[s.member]!;
          const owned = owners.get(s.flow);
          if (s.do === 'claim') {
            const owner = t.claim(hash, place, s.flow + 1);
            expect(owner).toBe(owned?.place ?? place);
            if (owned === undefined) owners.set(s.flow, { place, hint: s.flow + 1 });
          } else if (s.do === 'release') {
            t.release(hash, place);
            if (owned?.place === place) owners.delete(s.flow);
          } else if (s.do === 'hint') {
            t.setHint(hash, place, 77);
            if (owned?.place === place) owned.hint = 77;
          } else {
            // Its successor may get the same place, and none of its flows.
            t.bury(place, t.incarnationOf(place));
            places[s.member] = t.join(1000);
            for (const [f, o] of owners) if (o.place === place) owners.delete(f);
          }
          for (const [f, o] of owners) expect(t.ownerOf(hashOf(t, '10.0.0.1', f))).toBe(o.place);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('leaves the heir of a flow the hint of the dead', () => {
    const t = table();
    const [first, second] = [t.join(1), t.join(2)];
    const hash = hashOf(t, '::1', 9);
    t.claim(hash, first, 0);
    expect(t.inherited).toBe(0);
    t.setHint(hash, first, 4711);
    expect([t.claim(hash, second, 5), t.inherited]).toEqual([first, 0]);
    t.bury(first, t.incarnationOf(first));
    expect(t.ownerOf(hash)).toBe(-1);
    expect([t.claim(hash, second, 5), t.inherited]).toEqual([second, 4711]);
  });

  it('holds a hundred thousand flows, each findable', () => {
    const t = table();
    const me = t.join(1);
    const hashes = Array.from({ length: 100_000 }, (_, i) =>
      hashOf(t, `10.${i >> 8}.${i & 255}.1`, i & 0xffff),
    );
    for (const hash of hashes) expect(t.claim(hash, me, 1)).toBe(me);
    const lost = hashes.filter((hash) => t.ownerOf(hash) !== me).length;
    expect(lost).toBe(0);
    for (const hash of hashes) t.release(hash, me);
    expect(hashes.every((hash) => t.ownerOf(hash) === -1)).toBe(true);
  });

  it('offers only active members, and closes with the last one', () => {
    const t = table();
    const places = Array.from({ length: MOST_MEMBERS }, (_, i) => t.join(i + 1));
    expect(t.join(99)).toBe(-1);
    const hash = hashOf(t, '10.0.0.1', 1);
    expect(t.pickActive(hash)).toBe(-1);
    t.setState(places[5]!, MEMBER_STATE.ACTIVE);
    t.setState(places[9]!, MEMBER_STATE.DRAINING);
    for (let port = 0; port < 50; port++) expect(t.pickActive(hashOf(t, '10.0.0.1', port))).toBe(places[5]);
    for (const [i, place] of places.entries())
      expect(t.leave(place, t.incarnationOf(place))).toBe(i === places.length - 1);
    expect(t.open).toBe(false);
  });

  it('refuses bytes that are none', () => {
    expect(() => new FlowTable(new Uint8Array(TABLE_BYTES))).toThrow(FlowTableError);
    expect(() => new FlowTable(new Uint8Array(64))).toThrow(FlowTableError);
  });
});

const blank = (): Passed => ({ hops: 0, part: 0, number: 0, address: '', port: 0, localPort: 0, start: 0 });

describe('a datagram that is passed on', () => {
  const secret = randomBytes(16);
  const any = fc.record({
    hops: fc.nat({ max: MOST_HOPS }),
    part: fc.nat({ max: 2 }),
    number: fc.integer({ min: 0, max: 0x7fff_ffff }),
    address: fc.oneof(fc.ipV4(), fc.ipV6()),
    port: fc.nat({ max: 65_535 }),
    localPort: fc.nat({ max: 65_535 }),
  });

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(any, fc.nat({ max: 20 }), (passed, offset) => {
        const bytes = new Uint8Array(offset + 200);
        const length = writePass(bytes.subarray(offset), secret, passed);
        const read = blank();
        expect(readPass(bytes, offset, offset + length + 5, read)).toBe(true);
        expect(read).toEqual({ ...passed, start: offset + length });
        expect(hasSecret(bytes, offset, secret)).toBe(true);
        bytes[offset + 8]! ^= 1;
        expect(hasSecret(bytes, offset, secret)).toBe(false);
        for (let cut = 0; cut < length; cut++)
          expect(readPass(bytes, offset, offset + cut, blank())).toBe(false);
      }),
    );
  });

  it('is refused when it is junk', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        const read = blank();
        if (readPass(bytes, 0, bytes.length, read)) {
          expect(read.start).toBeLessThanOrEqual(bytes.length);
          expect(read.hops).toBeLessThanOrEqual(MOST_HOPS);
        }
      }),
      { numRuns: 500 },
    );
    expect(fits(65_507, '10.0.0.1')).toBe(false);
    expect(fits(1472, '10.0.0.1')).toBe(true);
  });
});
