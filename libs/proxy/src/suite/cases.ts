/**
 * Tests that need a runtime of their own: Jest runs on Node and cannot load a file that imports Bun, so these cases
 * are plain programs that a spec starts under both runtimes.
 */
export interface Case {
  name: string;
  run(): Promise<void>;
}

export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  const a = JSON.stringify(actual);
  const e = JSON.stringify(expected);
  if (a !== e) throw new Error(`${what}: expected ${e}, got ${a}`);
}

/** Waits until `probe` is true; fails with `what` after ten seconds. */
export async function until(probe: () => boolean, what: string, milliseconds = 10_000): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!probe()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 2);
    await promise;
  }
}

/** Runs the cases one after the other, prints a line for each and ends the process: 0 when all have passed. */
export async function runCases(cases: Case[]): Promise<never> {
  const only = process.argv[2];
  let failed = 0;
  for (const c of cases) {
    if (only !== undefined && !c.name.includes(only)) continue;
    try {
      await c.run();
      process.stdout.write(`ok ${c.name}\n`);
    } catch (error) {
      failed++;
      const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.stdout.write(`not ok ${c.name}: ${told}\n`);
    }
  }
  process.exit(failed === 0 ? 0 : 1);
}
