import { readFileSync } from 'node:fs';
import { EnrolmentError } from './enrolment.js';

/** No token to enrol with yet: looking again is all there is to do. */
export class TokenMissing extends Error {
  readonly code = 'ENROLMENT_TOKEN_MISSING';
}

/** Milliseconds after which a token that was refused is shown once more: what stood against it may be gone. */
const SHOW_AGAIN = 60_000;

/**
 * Where an SE gets the token that it enrols with: given once, or read from a file anew at each attempt. The file may
 * come later than the SE, and its content may be replaced; a token of it that was refused is not shown again at once,
 * since refusals are counted against the address that they come from.
 */
export class TokenSource {
  #refused: { token: string; at: number } | undefined;

  constructor(
    private readonly given: string | undefined,
    private readonly file: string | undefined,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * @throws {TokenMissing} which says what is waited for
   * @throws {EnrolmentError} when there is nothing to wait for
   */
  next(): string {
    if (this.given !== undefined) return this.given;
    if (this.file === undefined)
      throw new EnrolmentError(
        'this SE is not enrolled: set SPILLWAY_ENROLMENT_TOKEN or SPILLWAY_ENROLMENT_TOKEN_FILE',
      );
    const token = this.#read(this.file);
    const refused = this.#refused;
    if (refused?.token === token && this.now() - refused.at < SHOW_AGAIN)
      throw new TokenMissing(`the token in ${this.file} was refused: waiting for another one there`);
    return token;
  }

  /** The controller would not take this token. */
  refused(token: string): void {
    this.#refused = { token, at: this.now() };
  }

  #read(file: string): string {
    let token = '';
    try {
      token = readFileSync(file, 'utf8').trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        throw new TokenMissing(`the enrolment token cannot be read: ${(error as Error).message}`);
    }
    if (token === '') throw new TokenMissing(`this SE is not enrolled: waiting for a token in ${file}`);
    return token;
  }
}
