import { checks, runCheck } from './checks.js';
import { removeStaleTests, testFiles } from './files.js';
import { runSuite } from './jest.js';
import { currentNetwork, endLeftovers, furnish, runAgainInside } from './namespace.js';
import { installTestPackages } from './packages.js';
import { select, type Selection } from './selection.js';
import { type Step, summary, total } from './tally.js';

/**
 * `./spillway test [filter...]`: checks, unit tests, end-to-end tests, a summary whose last line is
 * `N passed, N failed`. First prepares with the network at hand, then runs itself again in a namespace.
 */
export async function test(filters: string[]): Promise<number> {
  if (currentNetwork() === undefined) {
    removeStaleTests();
    installTestPackages();
    return await runAgainInside();
  }
  const steps: Step[] = [];
  try {
    await runAll(filters, steps);
  } catch (error) {
    steps.push(
      failedStep('test command', [error instanceof Error ? (error.stack ?? error.message) : String(error)]),
    );
  }
  const { passed, failed } = total(steps);
  if (passed + failed === 0) console.log(`\nNothing matches ${filters.join(' ')}`);
  console.log(summary(steps));
  return failed > 0 || passed === 0 ? 1 : 0;
}

async function runAll(filters: string[], steps: Step[]): Promise<void> {
  if (currentNetwork() === 'namespace') {
    const refused = furnish();
    if (refused.length > 0) console.log(`The kernel refused: ${refused.join(', ')}`);
  }
  const all = checks();
  const selection = select(
    all.map((check) => check.name),
    testFiles(),
    filters,
  );
  const chosen = all.filter((check) => selection.checks.includes(check.name));
  steps.push(...(await Promise.all(chosen.map(runCheck))));
  await runTests(selection, steps);
  if (currentNetwork() === 'namespace') {
    const left = await endLeftovers();
    if (left.length > 0) steps.push(failedStep('processes', left));
  }
}

async function runTests({ files, name }: Selection, steps: Step[]): Promise<void> {
  const limits = { unit: 600, e2e: 2400 };
  for (const project of ['unit', 'e2e'] as const) {
    if (files[project].length === 0) continue;
    steps.push(
      await runSuite({
        name: project,
        project,
        files: files[project],
        limitSeconds: limits[project],
        ...(name === undefined ? {} : { testName: name }),
      }),
    );
  }
}

function failedStep(name: string, failures: string[]): Step {
  return { name, seconds: 0, passed: 0, failed: failures.length, skipped: 0, failures };
}
