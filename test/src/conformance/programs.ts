import { existsSync } from 'node:fs';

/** Whether a program of this name is installed. */
export const hasProgram = (name: string): boolean =>
  `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin`.split(':').some((d) => existsSync(`${d}/${name}`));
