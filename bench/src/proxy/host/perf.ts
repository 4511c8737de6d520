import { readFileSync } from 'node:fs';
import { run } from '@spillway/testing';
import { locate } from './packages.js';

/** What processors counted for some processes; NaN where the machine does not count it. */
export interface Counted {
  instructionsUser: number;
  instructionsKernel: number;
  cyclesUser: number;
  cyclesKernel: number;
}

const EVENTS = {
  instructionsUser: 'instructions:u',
  instructionsKernel: 'instructions:k',
  cyclesUser: 'cycles:u',
  cyclesKernel: 'cycles:k',
} as const satisfies Record<keyof Counted, string>;

/** The file that `perf stat -x, -o` writes: value, unit, event, … a line. */
export function parsePerf(text: string): Counted {
  const values = new Map(
    text.split('\n').map((line): [string, number] => {
      const [value = '', , event = ''] = line.split(',');
      return [event, /^\d+$/.test(value) ? Number(value) : Number.NaN];
    }),
  );
  const of = (name: keyof Counted): number => values.get(EVENTS[name]) ?? Number.NaN;
  return {
    instructionsUser: of('instructionsUser'),
    instructionsKernel: of('instructionsKernel'),
    cyclesUser: of('cyclesUser'),
    cyclesKernel: of('cyclesKernel'),
  };
}

/** The command that runs `command` and counts `pids` meanwhile into `file`; the command itself without perf. */
export function counting(file: string, pids: readonly number[], command: readonly string[]): string[] {
  const perf = locate('perf');
  if (perf === undefined) return [...command];
  const events = Object.values(EVENTS).join(',');
  return [perf, 'stat', '-x,', '-o', file, '-e', events, '-p', pids.join(','), '--', ...command];
}

export function counted(file: string): Counted {
  try {
    return parsePerf(readFileSync(file, 'utf8'));
  } catch {
    return parsePerf(''); // there is no perf
  }
}

/** Undefined when instructions and cycles are counted here, else why not. */
export async function whyNoPerf(file: string): Promise<string | undefined> {
  if (locate('perf') === undefined) return 'perf is not installed';
  const [command = '', ...args] = counting(file, [process.pid], ['sleep', '0.05']);
  const { code, stderr } = await run(command, args, { check: false });
  if (code !== 0) return stderr.trim().split('\n')[0];
  const { cyclesUser, instructionsKernel } = counted(file);
  return Number.isNaN(cyclesUser) || Number.isNaN(instructionsKernel)
    ? 'the processor counts no cycles for this machine'
    : undefined;
}
