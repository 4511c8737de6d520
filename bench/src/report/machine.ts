import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { repository } from '@spillway/testing';

/** Where and with what a table was measured. */
export interface Machine {
  date: string;
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  node: string;
  bun: string;
  commit: string;
  /** Load averages over a minute before and after the run: a busy machine explains figures. */
  loadBefore: number;
  loadAfter?: number;
}

export function machine(): Machine {
  const { version: bun } = JSON.parse(
    readFileSync(join(repository, 'node_modules/bun/package.json'), 'utf8'),
  ) as { version: string };
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    bun,
    commit: commit(),
    loadBefore: load(),
  };
}

export const load = (): number => Math.round(10 * loadavg()[0]!) / 10;

const git = (...args: string[]): string =>
  execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' }).trim();

function commit(): string {
  try {
    const changed = git('status', '--porcelain', '-uno') !== '';
    return git('rev-parse', '--short', 'HEAD') + (changed ? ' and changes' : '');
  } catch {
    // A copy without its history.
    return 'unknown';
  }
}

export function describeMachine(m: Machine): string {
  const after = m.loadAfter === undefined ? '' : `, ${m.loadAfter} after`;
  return `${m.date} UTC, ${m.cores} x ${m.cpu}, ${m.memoryGb} GB, Linux ${m.kernel}, Node ${m.node}, Bun ${m.bun}, commit ${m.commit}; load ${m.loadBefore} before${after}`;
}
