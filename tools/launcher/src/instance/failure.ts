import { existsSync, readFileSync } from 'node:fs';

/** The instance could not be started; the message ends with the last lines of the log that tells why. */
export class StartError extends Error {
  readonly code = 'start';

  constructor(problem: string, log?: string) {
    super(log === undefined ? problem : [`${problem}; the end of ${log}:`, ...tail(log, 12)].join('\n  '));
  }
}

/** The last lines of a file; none where there is no file. */
export function tail(file: string, lines: number): string[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8').trimEnd();
  return text === '' ? [] : text.split('\n').slice(-lines);
}
