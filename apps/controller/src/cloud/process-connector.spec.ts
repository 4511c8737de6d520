import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connectorConforms } from './connector-conformance.js';
import { ProcessConnector } from './process-connector.js';
import { endProcess, handleOf, isRunning, type ProcessHandle } from './process-handle.js';

let directory: string;
const started: ProcessHandle[] = [];
const connector = () =>
  new ProcessConnector({
    directory,
    command: process.execPath,
    // Stands in for an SE: a process that lives until it is told to end.
    args: ['--eval', 'setInterval(() => {}, 1000)', '--'],
    environment: () => ({ SPILLWAY_CONTROLLER: 'https://127.0.0.1:1' }),
    stopTimeoutMs: 2_000,
  });
const handle = (name: string): ProcessHandle | undefined => {
  const { pid } = JSON.parse(readFileSync(path.join(directory, name, 'cloud.json'), 'utf8')) as {
    pid?: number;
  };
  return pid === undefined ? undefined : handleOf(pid);
};
const runs = (name: string): Promise<number> => {
  try {
    const found = handle(name);
    if (found === undefined) return Promise.resolve(0);
    started.push(found);
    return Promise.resolve(isRunning(found) ? 1 : 0);
  } catch {
    return Promise.resolve(started.some(isRunning) && name === '' ? 1 : 0);
  }
};
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'spillway-cloud-'));
});
afterEach(async () => {
  for (const se of await connector().list()) await connector().delete(se);
  for (const left of started.splice(0)) if (isRunning(left)) await endProcess(left, 0);
  rmSync(directory, { recursive: true, force: true });
});

describe('the process connector', () => {
  connectorConforms(() => ({
    connector: connector(),
    anew: connector,
    crash: async (name) => {
      const found = handle(name);
      if (found !== undefined) await endProcess(found, 0);
    },
    running: runs,
  }));

  it('touches no directory that it did not make', async () => {
    mkdirSync(path.join(directory, 'by-hand'));
    const wish = { seUuid: 'serviceengine-1', name: 'by-hand', groupUuid: 'g', cloudUuid: 'c' };
    await expect(connector().create(wish, () => Promise.resolve('t'))).rejects.toMatchObject({
      code: 'CANNOT_CREATE',
    });
    await connector().delete(wish);
    expect(await connector().list()).toEqual([]);
  });

  it('takes no name that leads elsewhere', async () => {
    const wish = { seUuid: 'serviceengine-1', name: '../evil', groupUuid: 'g', cloudUuid: 'c' };
    await expect(connector().create(wish, () => Promise.resolve('t'))).rejects.toMatchObject({
      code: 'CANNOT_CREATE',
    });
  });
});
