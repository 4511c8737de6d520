import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { identify } from '../process/identity.js';
import { InstanceDirectory } from './directory.js';
import { readState, StateFile } from './state.js';

function own() {
  const identity = identify(process.pid);
  if (!identity) throw new Error('this process is not in /proc');
  return identity;
}

describe('state of an instance', () => {
  let directory: InstanceDirectory;

  beforeEach(() => {
    directory = new InstanceDirectory(mkdtempSync(path.join(os.tmpdir(), 'spillway-state-')));
  });

  afterEach(() => rmSync(directory.path, { recursive: true }));

  test('a new directory has none, and reading makes none', () => {
    expect(readState(directory)).toEqual({
      version: 1,
      database: 'embedded',
      service_engines: [],
      enrolled: {},
      processes: {},
    });
    expect(readdirSync(directory.path)).toEqual([]);
  });

  test('every change is on disk at once, readable by us alone, and nothing else is left', () => {
    const file = new StateFile(directory);
    file.update({ workers: 2 });
    file.started('controller', own());
    expect(readState(directory)).toEqual(file.state);
    expect(readState(directory).workers).toBe(2);
    expect(statSync(directory.state).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory.path)).toEqual(['state.json']);
  });

  test('a recorded process runs only while exactly that one does', () => {
    const file = new StateFile(directory);
    file.started('controller', own());
    expect(file.running('controller')).toEqual(own());
    file.started('controller', { ...own(), startTime: own().startTime + 1 });
    expect(file.running('controller')).toBeUndefined();
    expect(file.running('never')).toBeUndefined();
  });

  test('stopped processes are forgotten, the rest stays', () => {
    const file = new StateFile(directory);
    file.update({ service_engines: ['se-1'] });
    for (const name of ['controller', 'origins', 'se/se-1']) file.started(name, own());
    file.forget('controller', 'se/se-1');
    expect(Object.keys(readState(directory).processes)).toEqual(['origins']);
    expect(readState(directory).service_engines).toEqual(['se-1']);
  });

  test('a file that its writer could not finish counts as none', () => {
    writeFileSync(directory.state, '{"version": 1, "wor');
    expect(readState(directory).service_engines).toEqual([]);
  });
});
