import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from '../config/logger.js';
import { replaceFile } from '../pki/index.js';

/** What tokens are made of: the part of enrolment that is needed here. */
export interface TokenDesk {
  /** Whether the SE of this name has been given a certificate. */
  hasEnrolled(name: string): Promise<boolean>;
  createToken(name: string, ttlMs: number): Promise<{ token: string; expiresAt: Date }>;
}

export interface BootstrapOptions {
  /** A file per name is written here. */
  dir: string;
  names: readonly string[];
  /** Milliseconds that a token is good for; it is replaced after half of that. */
  ttlMs?: number;
  /** Milliseconds between two looks while an SE is still to come. */
  everyMs?: number;
  now?: () => number;
}

/**
 * One-time enrolment tokens for SEs that are named beforehand, so that a first start needs nobody who asks for them: for
 * each name whose SE has not enrolled, `DIR/<name>` holds one (mode 600: for the account of the controller alone). It is
 * replaced before it runs out and removed once it was used. What has enrolled is never given another one here: an SE that
 * an administrator deletes does not come back by itself before the controller is started again.
 */
export class BootstrapTokens {
  readonly #waiting = new Map<string, { renewAt: number }>();
  readonly #options: Required<BootstrapOptions>;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    options: BootstrapOptions,
    private readonly desk: TokenDesk,
    private readonly logger: Logger,
  ) {
    this.#options = { ttlMs: 3_600_000, everyMs: 1_000, now: Date.now, ...options };
    for (const name of options.names) this.#waiting.set(name, { renewAt: 0 });
  }

  /** Names whose SE has not enrolled yet. */
  get waiting(): string[] {
    return [...this.#waiting.keys()];
  }

  /** Writes the first tokens. @throws when the directory cannot be written, or the database does not answer */
  async start(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const { dir, everyMs } = this.#options;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    accessSync(dir, constants.W_OK | constants.X_OK);
    await this.#look();
    if (this.#waiting.size === 0) return;
    this.#timer = setInterval(() => this.lookSoon(), everyMs);
    this.#timer.unref();
  }

  /** Looks again, after the look that is under way. A failure is logged, and the next look tries again. */
  lookSoon(): void {
    this.#running = this.#running
      .then(() => this.#look())
      .catch((err: unknown) => this.logger.warn({ err }, 'could not look after the tokens for new SEs'));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #look(): Promise<void> {
    for (const [name, entry] of this.#waiting) {
      const file = path.join(this.#options.dir, name);
      if (await this.desk.hasEnrolled(name)) {
        rmSync(file, { force: true });
        this.#waiting.delete(name);
        continue;
      }
      const { ttlMs, now } = this.#options;
      if (now() < entry.renewAt) continue;
      const { token, expiresAt } = await this.desk.createToken(name, ttlMs);
      replaceFile(file, `${token}\n`, 0o600);
      entry.renewAt = expiresAt.getTime() - ttlMs / 2;
      this.logger.info({ se: name, file }, 'wrote an enrolment token');
    }
    if (this.#waiting.size === 0) clearInterval(this.#timer);
  }
}
