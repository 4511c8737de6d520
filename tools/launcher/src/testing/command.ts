import { checks, runCheck } from './checks.js';
import { removeStaleTests, testFiles } from './files.js';
import { isQueueTest, runSuite, type Suite } from './jest.js';
import { currentNetwork, endLeftovers, furnish, runAgainInside } from './namespace.js';
import { hasProgram, installTestPackages } from './packages.js';
import { withRedis } from './redis.js';
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

const limits = { unit: 600, e2e: 2400 };

async function runTests({ files, name }: Selection, steps: Step[]): Promise<void> {
  const run = async (suite: Pick<Suite, 'name' | 'project' | 'files' | 'environment'>): Promise<void> => {
    if (suite.files.length === 0) return;
    const limitSeconds = limits[suite.project];
    steps.push(await runSuite({ ...suite, limitSeconds, ...(name === undefined ? {} : { testName: name }) }));
  };
  for (const project of ['unit', 'e2e'] as const) {
    await run({ name: project, project, files: files[project] });
    const onQueue = files[project].filter(isQueueTest);
    if (onQueue.length > 0 && !hasProgram('redis-server'))
      steps.push({ ...failedStep(`${project} on Redis`, []), skipped: onQueue.length });
    else if (onQueue.length > 0)
      await withRedis(async (url) => {
        await run({ name: `${project} on Redis`, project, files: onQueue, environment: { REDIS_URL: url } });
      });
  }
}

function failedStep(name: string, failures: string[]): Step {
  return { name, seconds: 0, passed: 0, failed: failures.length, skipped: 0, failures };
}
