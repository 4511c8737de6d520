import { readFileSync } from 'node:fs';

/** Which core does what, so that nobody takes time from what is measured. */
export interface Cores {
  proxy: number;
  origin: number;
  load: number[];
  /** Everything that may be used, in ascending order. */
  all: number[];
}

/** Numbers of a list as the kernel prints it: `0-3,8`. */
export function parseCores(list: string): number[] {
  return list
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}

/** One core for the proxy, one for the servers behind it, two for the load. */
export function assign(all: readonly number[]): Cores | string {
  const [load, origin, proxy, load2] = all;
  if (load === undefined || origin === undefined || proxy === undefined || load2 === undefined)
    return `a proxy, its servers and the load need a core each, the load two: this machine gives ${all.length}`;
  return { proxy, origin, load: [load, load2], all: [...all] };
}

/** The cores that this process may use. */
export function usableCores(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  return parseCores(/^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '');
}
