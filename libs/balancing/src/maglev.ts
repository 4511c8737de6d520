import type { ServerTable } from './contract.js';
import { mix } from './hash.js';

/**
 * Table sizes; primes, so that every step size visits every slot. They are few, since a pool that grows from one size
 * into the next deals out all keys anew.
 */
const SIZES = [131_071, 524_287, 1_048_573];
/** Slots that a size offers per server and ratio: shares are exact to 2.5 per cent at the worst. */
const SLOTS_EACH = 40;

/**
 * The lookup table of Maglev (Eisenbud et al., NSDI 2016): every server takes slots in an order of its own, in turns
 * (as many in each as its ratio says), until all are taken. The shares are even, and a server that comes or goes
 * moves little but its own keys. It depends on the identities and ratios alone, not on their order: every SE makes
 * the same.
 */
export function maglevTable(table: ServerTable): Uint16Array {
  const { count, ratios, identities } = table;
  if (count === 0) return new Uint16Array(0);
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => identities[a]! - identities[b]! || ratios[a]! - ratios[b]! || a - b,
  );
  const size = sizeFor(ratios, count);
  const filled = new Uint16Array(size).fill(FREE);
  const next = new Uint32Array(count);
  const step = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    next[i] = mix(identities[i]!) % size;
    step[i] = (mix(identities[i]! ^ 0x9e3779b9) % (size - 1)) + 1;
  }
  let left = size;
  while (left > 0)
    for (let k = 0; k < count && left > 0; k++) {
      const place = order[k]!;
      for (let turns = ratios[place]!; turns > 0 && left > 0; turns--) {
        let at = next[place]!;
        while (filled[at] !== FREE) at = (at + step[place]!) % size;
        filled[at] = place;
        next[place] = (at + step[place]!) % size;
        left--;
      }
    }
  return filled;
}

const FREE = 0xffff;

function sizeFor(ratios: Uint8Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += ratios[i]!;
  return SIZES.find((size) => size >= sum * SLOTS_EACH) ?? SIZES.at(-1)!;
}
