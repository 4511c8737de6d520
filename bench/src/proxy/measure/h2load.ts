import type { Answers } from './drive.js';

/** Durations in microseconds of the requests that `h2load --log-file` has written: start, status, duration a line. */
export function readH2Log(text: string): Float64Array {
  const durations: number[] = [];
  for (const line of text.split('\n')) {
    const [, status, duration] = line.split('\t');
    if (duration !== undefined && Number(status) >= 200) durations.push(Number(duration));
  }
  return Float64Array.from(durations).sort();
}

/** What h2load prints at its end. It tells no CPU time; that it is not the bottleneck is seen on the direct path. */
export function parseH2load(text: string, durations: Float64Array, seconds: number): Answers {
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  const at = (share: number): number =>
    durations[Math.min(durations.length - 1, Math.floor(share * durations.length))] ?? 0;
  return {
    seconds,
    requests: number(/(\d+) succeeded/),
    errors: number(/(\d+) failed/) + number(/(\d+) errored/) + number(/(\d+) timeout/),
    latency: { p50: at(0.5), p99: at(0.99), p999: at(0.999) },
    late: 0,
    cpu: 0,
  };
}
