import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import path from 'node:path';
import { parseSnapshot, type Snapshot } from '@spillway/snapshot';
import type { Logger } from '../log/logger.js';

/**
 * The last good snapshot on disk, so that an SE serves after a restart with everything else gone. It is replaced as
 * a whole and validated when it is read; the one before is kept for the case that it cannot be.
 */
export class SnapshotStore {
  readonly #file: string;
  readonly #previous: string;

  constructor(
    dir: string,
    private readonly log: Logger,
  ) {
    this.#file = path.join(dir, 'snapshot.json');
    this.#previous = path.join(dir, 'snapshot.previous.json');
  }

  /** The newest snapshot that can be run; undefined when there is none. */
  load(): Snapshot | undefined {
    for (const file of [this.#file, this.#previous]) {
      if (!existsSync(file)) continue;
      try {
        return readSnapshot(file);
      } catch (error) {
        this.log.error('a snapshot on disk cannot be used', { file, error });
      }
    }
    return undefined;
  }

  async save(snapshot: Snapshot): Promise<void> {
    const fresh = `${this.#file}.new`;
    const file = await open(fresh, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(snapshot));
    } finally {
      await file.close();
    }
    if (existsSync(this.#file)) renameSync(this.#file, this.#previous);
    await rename(fresh, this.#file);
  }

  /** Forgets everything: the SE is no longer wanted. */
  clear(): void {
    rmSync(this.#file, { force: true });
    rmSync(this.#previous, { force: true });
  }
}

/** Reads and validates a snapshot file. `@throws {SnapshotError}` or what the file system says */
export function readSnapshot(file: string): Snapshot {
  return parseSnapshot(JSON.parse(readFileSync(file, 'utf8')));
}
