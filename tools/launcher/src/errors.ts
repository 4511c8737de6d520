/** The command line is wrong: what was given, and what to type instead. Exit code 2. */
export class UsageError extends Error {
  readonly code = 'usage';

  constructor(problem: string, remedy: string) {
    super(`${problem}; ${remedy}`);
  }
}
