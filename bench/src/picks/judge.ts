import type { Measured } from './picks.program.js';

/** Nanoseconds that a pick may take at most, whatever the pool: a small request takes about 20,000. */
export const MOST_NS = 1000;
/**
 * How much dearer a pick among 5,000 servers may be than one among 1,000. Steps that grow with the logarithm make it
 * 1.2, memory that no longer fits the cache the rest; work for each server would make it 5.
 */
export const MOST_GROWTH = 3;

export const PICKS_HEAD = ['algorithm', 'shares', '10', '1,000', '5,000 servers'] as const;

const SAID: Record<Measured['shares'], string> = {
  full: 'full',
  held: 'a tenth held back',
  ratio: 'ratios 1 to 4',
};

const nsOf = (measured: readonly Measured[], of: Omit<Measured, 'ns'>): number =>
  measured.find((m) => m.algorithm === of.algorithm && m.shares === of.shares && m.servers === of.servers)
    ?.ns ?? Number.NaN;

/** Rows of the table: nanoseconds per pick. */
export const lines = (measured: readonly Measured[]): string[][] =>
  measured
    .filter((m) => m.servers === 10)
    .map((m) => [
      m.algorithm,
      SAID[m.shares],
      ...[10, 1000, 5000].map((servers) => `${nsOf(measured, { ...m, servers }).toFixed(0)} ns`),
    ]);

/** What is beyond its budget, by name. */
export function missed(measured: readonly Measured[], slack: number): string[] {
  const said: string[] = [];
  for (const m of measured) {
    const name = `${m.algorithm}, shares ${SAID[m.shares]}, ${m.servers} servers`;
    if (!(m.ns <= MOST_NS * slack)) said.push(`${name}: ${m.ns.toFixed(0)} ns, allowed are ${MOST_NS}`);
    if (m.servers !== 5000) continue;
    const growth = m.ns / nsOf(measured, { ...m, servers: 1000 });
    if (!(growth <= MOST_GROWTH * slack))
      said.push(`${name}: ${growth.toFixed(1)} x what it is with 1,000, allowed are ${MOST_GROWTH}`);
  }
  return said;
}
