import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { inRepository } from '../paths.js';

/** Where an instance lives when `--dir` is not given. */
export const defaultDirectory = inRepository('.spillway');

/** The files of one instance (docs/architecture.md, "Files and environment of one instance"). */
export class InstanceDirectory {
  readonly path: string;

  constructor(directory: string) {
    this.path = path.resolve(directory);
  }

  file(...parts: string[]): string {
    return path.join(this.path, ...parts);
  }

  get state(): string {
    return this.file('state.json');
  }

  get postgres(): string {
    return this.file('postgres');
  }

  get controller(): string {
    return this.file('controller');
  }

  get serviceEngines(): string {
    return this.file('se');
  }

  serviceEngine(name: string): string {
    return this.file('se', name);
  }

  get sample(): string {
    return this.file('sample');
  }

  /** Names of all SEs that have a directory here, in the order of their numbers. */
  serviceEngineNames(): string[] {
    if (!existsSync(this.serviceEngines)) return [];
    return readdirSync(this.serviceEngines, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  }

  /** The logs of the instance by the name that `logs` takes. */
  logs(): Map<string, string> {
    const logs = new Map([
      ['controller', this.file('controller/controller.log')],
      ['postgres', this.file('postgres/postgres.log')],
      ['sample', this.file('sample/origins.log')],
    ]);
    for (const name of this.serviceEngineNames()) logs.set(name, this.file('se', name, 'se.log'));
    return new Map([...logs].filter(([, file]) => existsSync(file)));
  }

  /** Makes the directory. As root others may pass through (not look): the database server is not root. */
  prepare(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    if (process.getuid?.() === 0) chmodSync(this.path, statSync(this.path).mode | 0o011);
    for (const part of [this.controller, this.serviceEngines, this.sample])
      mkdirSync(part, { recursive: true, mode: 0o700 });
  }
}
