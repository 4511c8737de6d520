import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What a test has opened, closed in reverse order. Every helper that starts something takes a scope, so
 * that a failing test leaves no process, directory or namespace behind.
 */
export class Scope {
  readonly #closers: { what: string; close: () => unknown }[] = [];
  #closed = false;

  constructor(readonly name = 'test') {}

  /** Runs `close` when the scope ends; returns a function that runs it now and forgets it. */
  defer(what: string, close: () => unknown): () => Promise<void> {
    if (this.#closed) throw new Error(`scope ${this.name} is closed already: cannot add ${what}`);
    const entry = { what, close };
    this.#closers.push(entry);
    return async () => {
      const at = this.#closers.indexOf(entry);
      if (at < 0) return;
      this.#closers.splice(at, 1);
      await close();
    };
  }

  /** A new directory under the system's temporary one, removed when the scope ends. */
  async tempDir(prefix = this.name): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), `spillway-${prefix.replace(/[^A-Za-z0-9_-]/g, '-')}-`));
    // Others may pass through: as root, the database server of an instance in here runs as another account.
    await chmod(dir, 0o711);
    this.defer(`directory ${dir}`, () => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
    return dir;
  }

  /** Closes everything, last opened first; what fails to close does not keep the rest open. */
  async close(): Promise<void> {
    this.#closed = true;
    const failures: Error[] = [];
    for (let entry = this.#closers.pop(); entry; entry = this.#closers.pop()) {
      try {
        await entry.close();
      } catch (error) {
        failures.push(new Error(`closing ${entry.what}: ${(error as Error).message}`, { cause: error }));
      }
    }
    if (failures.length === 1) throw failures[0]!;
    if (failures.length > 1) {
      throw new AggregateError(failures, failures.map((f) => f.message).join('; '));
    }
  }
}

/** Runs `body` with a scope of its own and closes it whatever happens. */
export async function withScope<T>(name: string, body: (scope: Scope) => Promise<T>): Promise<T> {
  const scope = new Scope(name);
  try {
    return await body(scope);
  } finally {
    await scope.close();
  }
}
