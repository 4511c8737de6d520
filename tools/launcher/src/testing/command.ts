import { checks, runCheck } from './checks.js';
import { removeStaleTests, testFiles } from './files.js';
import { isQueueTest, runSuite, type Suite } from './jest.js';
import { laneCommand, lanesOf } from './lanes.js';
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

/** What a run is asked to soak or fuzz for comes on top. */
const asked = Number(process.env.SOAK_SECONDS ?? 0) + Number(process.env.FUZZ_SECONDS ?? 0);
const limits = { unit: 600 + 4 * asked, e2e: 2400 + asked };

/** A suite without what is the same for all of a run. */
type Part = Pick<Suite, 'name' | 'project' | 'files' | 'environment' | 'behind'>;

async function runTests({ files, name }: Selection, steps: Step[]): Promise<void> {
  const all = testFiles();
  const run = async (suite: Part): Promise<void> => {
    const limitSeconds = limits[suite.project];
    steps.push(await runSuite({ ...suite, limitSeconds, ...(name === undefined ? {} : { testName: name }) }));
  };
  for (const project of ['unit', 'e2e'] as const) {
    const chosen = files[project];
    if (chosen.length === 0) continue;
    if (project === 'e2e') await runInLanes(chosen, run);
    else
      await run({
        name: project,
        project,
        ...(chosen.length < all[project].length ? { files: chosen } : {}),
      });
    await runOnRedis(project, chosen.filter(isQueueTest), steps, run);
  }
}

/** End-to-end tests that do not disturb each other run side by side, where each lane can have a network of its own. */
async function runInLanes(files: string[], run: (suite: Part) => Promise<void>): Promise<void> {
  const { beside, alone } = currentNetwork() === 'namespace' ? lanesOf(files) : { beside: [], alone: files };
  await Promise.all(
    beside.map((lane, i) =>
      run({ name: `e2e, lane ${i + 1}`, project: 'e2e', files: lane, behind: laneCommand() }),
    ),
  );
  if (alone.length > 0) await run({ name: 'e2e', project: 'e2e', files: alone });
}

async function runOnRedis(
  project: Suite['project'],
  files: string[],
  steps: Step[],
  run: (suite: Part) => Promise<void>,
): Promise<void> {
  if (files.length === 0) return;
  const name = `${project} on Redis`;
  if (!hasProgram('redis-server')) steps.push({ ...failedStep(name, []), skipped: files.length });
  else await withRedis(async (url) => await run({ name, project, files, environment: { REDIS_URL: url } }));
}

function failedStep(name: string, failures: string[]): Step {
  return { name, seconds: 0, passed: 0, failed: failures.length, skipped: 0, failures };
}
