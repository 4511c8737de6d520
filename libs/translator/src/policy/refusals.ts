import { error, type Problem } from '../types.js';

/**
 * Collects why a policy cannot be run as written. A rule that is left out, or that is run without one of its parts,
 * may let through what it was written to stop: so whatever cannot be honoured refuses the whole policy.
 */
export class Refusals {
  readonly problems: Problem[] = [];

  constructor(private readonly what: string) {}

  /** A part that service engines have no notion of. */
  unhonoured(path: string, value: string): void {
    this.problems.push(
      error(
        'POLICY_NOT_HONOURED',
        path,
        `${this.what}: ${value} is not honoured yet; remove it, or the rule`,
      ),
    );
  }

  missing(path: string, what: string): void {
    this.problems.push(error('POLICY_INVALID', path, `${this.what}: ${what}`));
  }
}
