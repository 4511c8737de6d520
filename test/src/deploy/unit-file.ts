import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@spillway/testing';

export interface UnitLine {
  section: string;
  key: string;
  value: string;
}

export const units = join(repository, 'deploy/systemd');

/** The settings of a systemd unit, in order. @throws at a line that is none */
export function readUnit(name: string): UnitLine[] {
  const lines: UnitLine[] = [];
  let section = '';
  for (const line of readFileSync(join(units, name), 'utf8').split('\n')) {
    if (line.trim() === '' || /^[#;]/.test(line)) continue;
    const head = /^\[([A-Za-z]+)\]$/.exec(line)?.[1];
    if (head !== undefined) {
      section = head;
      continue;
    }
    const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined || section === '') throw new Error(`${name}: "${line}"`);
    lines.push({ section, key, value });
  }
  return lines;
}
