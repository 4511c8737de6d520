import type { AddressRange } from '@spillway/snapshot';

/** An address as four words, an IPv4 one as `::ffff:a.b.c.d`, so that both families are in one order. */
export type AddressKey = Uint32Array;

/** @returns null for what is no address */
export function addressKey(text: string): AddressKey | null {
  const zone = text.indexOf('%');
  return text.includes(':') ? v6(zone < 0 ? text : text.slice(0, zone)) : v4(text);
}

function v4(text: string): AddressKey | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256)) return null;
  const [a, b, c, d] = parts.map(Number) as [number, number, number, number];
  return Uint32Array.of(0, 0, 0xffff, ((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
}

function v6(text: string): AddressKey | null {
  const sides = text.split('::');
  if (sides.length > 2) return null;
  const left = groups(sides[0]!);
  const right = sides.length === 2 ? groups(sides[1]!) : [];
  if (left === null || right === null) return null;
  const missing = 8 - left.length - right.length;
  if (sides.length === 2 ? missing < 1 : missing !== 0) return null;
  const all = [...left, ...Array.from({ length: missing }, () => 0), ...right];
  const key = new Uint32Array(4);
  for (let i = 0; i < 8; i++) key[i >> 1] = key[i >> 1]! * 65536 + all[i]!;
  return key;
}

function groups(side: string): number[] | null {
  if (side === '') return [];
  const found: number[] = [];
  const parts = side.split(':');
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes('.')) {
      const key = v4(part);
      if (key === null) return null;
      found.push(key[3]! >>> 16, key[3]! & 0xffff);
    } else if (/^[\da-f]{1,4}$/i.test(part)) found.push(Number.parseInt(part, 16));
    else return null;
  }
  return found;
}

export function compareKeys(a: Uint32Array, atA: number, b: Uint32Array, atB: number): number {
  for (let i = 0; i < 4; i++) {
    const difference = a[atA + i]! - b[atB + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The key behind this one; null behind the last. */
function successor(key: AddressKey): AddressKey | null {
  const next = key.slice();
  for (let i = 3; i >= 0; i--) {
    next[i] = (next[i]! + 1) >>> 0;
    if (next[i] !== 0) return next;
  }
  return null;
}

/** Lists of more entries than this in all are not made; see `AddressMap.fits`. */
const MOST_ENTRIES = 2_000_000;
const NOTHING = new Int32Array(0);

/** Finds by binary search which of many sets of ranges hold an address. */
export class AddressMap {
  /** Starts of the stretches in which the same sets apply, four words each. */
  private readonly starts: Uint32Array;
  private readonly count: number;
  private readonly lists: Int32Array[] = [];
  /** False when the ranges overlap so much that the map was given up. */
  readonly fits: boolean;

  /** @param sets the number of each is its place here */
  constructor(sets: readonly (readonly AddressRange[])[]) {
    const events: { key: AddressKey; set: number; by: number }[] = [];
    sets.forEach((ranges, set) => {
      for (const { first, last } of ranges) {
        const [from, to] = [addressKey(first), addressKey(last)];
        if (from === null || to === null || compareKeys(from, 0, to, 0) > 0) continue;
        events.push({ key: from, set, by: 1 });
        const behind = successor(to);
        if (behind !== null) events.push({ key: behind, set, by: -1 });
      }
    });
    events.sort((a, b) => compareKeys(a.key, 0, b.key, 0));
    const starts: AddressKey[] = [];
    const open = new Map<number, number>();
    let entries = 0;
    for (let i = 0; i < events.length && entries <= MOST_ENTRIES;) {
      const { key } = events[i]!;
      for (; i < events.length && compareKeys(events[i]!.key, 0, key, 0) === 0; i++) {
        const { set, by } = events[i]!;
        const depth = (open.get(set) ?? 0) + by;
        if (depth === 0) open.delete(set);
        else open.set(set, depth);
      }
      starts.push(key);
      this.lists.push(open.size === 0 ? NOTHING : Int32Array.from(open.keys()).sort());
      entries += open.size;
    }
    this.fits = entries <= MOST_ENTRIES;
    this.count = starts.length;
    this.starts = new Uint32Array(this.count * 4);
    starts.forEach((key, i) => this.starts.set(key, i * 4));
  }

  /** Numbers of the sets that hold the address. */
  find(key: AddressKey): Int32Array {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.starts, middle * 4, key, 0) <= 0) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? NOTHING : this.lists[low - 1]!;
  }
}
