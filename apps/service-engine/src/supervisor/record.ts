import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isAlive } from '../process/identity.js';

/** `DIR/supervisor.json`: who runs this SE, for those who start, stop and watch it. */
export interface SupervisorRecord {
  pid: number;
  start_time: number;
  agent_pid: number;
  workers: number[];
  /** `http://host:port/metrics`; empty for none. */
  metrics: string;
}

const fileOf = (dir: string): string => path.join(dir, 'supervisor.json');

export function writeRecord(dir: string, record: SupervisorRecord): void {
  const file = fileOf(dir);
  writeFileSync(`${file}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function removeRecord(dir: string): void {
  rmSync(fileOf(dir), { force: true });
}

/** The pid of a supervisor that runs this directory already. */
export function runningSupervisor(dir: string): number | undefined {
  try {
    const { pid, start_time } = JSON.parse(readFileSync(fileOf(dir), 'utf8')) as SupervisorRecord;
    return isAlive({ pid, startTime: start_time }) ? pid : undefined;
  } catch {
    return undefined;
  }
}
