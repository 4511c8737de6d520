/** Counts of a step or of the whole run. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export const nothing: Tally = { passed: 0, failed: 0, skipped: 0 };

/** One step of the test command, as its summary shows it. */
export interface Step extends Tally {
  name: string;
  seconds: number;
  /** What failed, one line each. */
  failures: string[];
}

/** The sum of several tallies. */
export function total(parts: Tally[]): Tally {
  return parts.reduce(
    (sum, part) => ({
      passed: sum.passed + part.passed,
      failed: sum.failed + part.failed,
      skipped: sum.skipped + part.skipped,
    }),
    nothing,
  );
}

/** The last line of the run: `N passed, N failed`, with `, N skipped` only where some were. */
export function lastLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** The whole summary; its last line is `lastLine` of the sum. */
export function summary(steps: Step[]): string {
  const width = Math.max(...steps.map((step) => step.name.length), 0);
  const rows = steps.map(
    (step) => `  ${step.name.padEnd(width)}  ${lastLine(step)}  (${step.seconds.toFixed(1)} s)`,
  );
  const failures = steps.flatMap((step) => step.failures.map((failure) => `  ✗ ${step.name}: ${failure}`));
  const lines = ['', 'Summary', ...rows];
  if (failures.length > 0) lines.push('', 'Failed', ...failures);
  return [...lines, '', lastLine(total(steps))].join('\n');
}
