import type { ServerTable } from './contract.js';
import { mix } from './hash.js';

/**
 * Table sizes; primes, so that every step size visits every slot. They are few, since a pool that grows from one size
 * into the next deals out all keys anew: when the sum of its ratios passes 6,553, 26,214 or 52,428. With ratio 1 no pool
 * does, as it has 5,000 servers at most.
 */
const SIZES = [131_071, 524_287, 1_048_573, 2_097_143];
/** Rounds in which a size can be dealt out, at least: in the last one only some get more, 1 in 20 of what they have. */
const ROUNDS = 20;

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
  return SIZES.find((size) => size >= sum * ROUNDS) ?? SIZES.at(-1)!;
}
