/** What a supervisor says about itself to its peers, in the fence directory. */
export interface BeatRecord {
  pid: number;
  start_time: number;
  /** Only a peer of the same scope sees the same pids. */
  pid_scope: string;
  /** Milliseconds without a beat after which the peers may kill it. */
  timeout: number;
  beat: number;
}

/** Bytes of a beat file: it is written in place, so it never changes its size. */
export const BEAT_FILE_BYTES = 512;

export const formatBeat = (record: BeatRecord): string =>
  `${JSON.stringify(record).padEnd(BEAT_FILE_BYTES - 1)}\n`;

const count = (n: unknown, least: number): n is number =>
  typeof n === 'number' && Number.isInteger(n) && n >= least;

/** Undefined for anything but a whole record: a reader may come in the middle of a write. */
export function parseBeat(text: string): BeatRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (value === null || typeof value !== 'object') return undefined;
  const { pid, start_time, pid_scope, timeout, beat } = value as Record<string, unknown>;
  // Pid 1 and below are never an SE that may be killed; the time-out is what the settings allow at least.
  if (!count(pid, 2) || !count(start_time, 1) || !count(timeout, 20) || !count(beat, 0)) return undefined;
  return typeof pid_scope === 'string' ? { pid, start_time, pid_scope, timeout, beat } : undefined;
}
