import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inRepository, repository } from '../paths.js';
import type { Step } from './tally.js';

/** One run of Jest. */
export interface Suite {
  name: string;
  project: 'unit' | 'e2e';
  /** Only these compiled files, relative to the checkout; absent: all of the project. */
  files?: string[];
  /** Only tests whose full name matches this. */
  testName?: string;
  /** The run is ended after so many seconds: a hung test must not hang CI. */
  limitSeconds: number;
  environment?: Record<string, string>;
  /** Jest is put behind this command. */
  behind?: readonly string[];
}

/**
 * Tests of what the queue does are in files of this name: they run once on PostgreSQL and, where REDIS_URL is
 * set, on Redis. The test command runs them on both.
 */
export const isQueueTest = (file: string): boolean => /\.queue\.(spec|test)\.js$/.test(file);

/** What is read of Jest's `--json` report. */
export interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

const projectArguments = {
  // A limit for what hangs, not for what is slow on a busy machine.
  unit: ['--testTimeout=30000'],
  // One file at a time in one network: they bind VIPs.
  e2e: ['--runInBand', '--testTimeout=60000'],
};

/** After its report Jest should end by itself; what keeps it alive was left open by a test. */
const exitGraceMs = 10_000;

/** Runs a suite and shows Jest's output as it comes. */
export async function runSuite(suite: Suite): Promise<Step> {
  const began = performance.now();
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'spillway-jest-'));
  const reportFile = path.join(scratch, 'report.json');
  try {
    const ended = await runJest(suite, reportFile);
    const report: JestReport | undefined = existsSync(reportFile)
      ? JSON.parse(readFileSync(reportFile, 'utf8'))
      : undefined;
    const step = report
      ? readReport(report, suite.testName !== undefined)
      : { passed: 0, failed: 0, skipped: 0, failures: [] };
    const trouble = ended ?? (report ? undefined : 'Jest ended without a report');
    if (trouble) {
      step.failed += 1;
      step.failures.push(trouble);
    }
    return { ...step, name: suite.name, seconds: (performance.now() - began) / 1000 };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs Jest to its end. Answers why it had to be ended, if it had to. */
async function runJest(suite: Suite, reportFile: string): Promise<string | undefined> {
  const [program = '', ...before]: readonly string[] = [...(suite.behind ?? []), process.execPath];
  const child = spawn(
    program,
    [
      ...before,
      // As arguments, which Jest hands on to its workers: in NODE_OPTIONS they would reach every Node that a
      // test starts, whatever its version.
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      inRepository('node_modules/jest/bin/jest.js'),
      '--selectProjects',
      suite.project,
      ...projectArguments[suite.project],
      ...(suite.testName === undefined ? [] : [`--testNamePattern=${suite.testName}`]),
      '--json',
      `--outputFile=${reportFile}`,
      ...(suite.files ? ['--runTestsByPath', ...suite.files] : []),
    ],
    {
      cwd: repository,
      env: { ...process.env, ...suite.environment },
      // Both streams on our own output, so that they stay in order.
      stdio: ['ignore', 1, 1],
    },
  );
  const closed = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  const watch = new AbortController();
  const trouble = Promise.race([
    closed.then(() => undefined),
    watchdog(suite.limitSeconds, reportFile, watch.signal),
  ]);
  try {
    const reason = await trouble;
    if (reason) child.kill('SIGKILL');
    await closed;
    return reason;
  } finally {
    watch.abort();
  }
}

async function watchdog(
  limitSeconds: number,
  reportFile: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = performance.now() + limitSeconds * 1000;
  let reported: number | undefined;
  for (;;) {
    const aborted = await delay(200, false, { signal }).catch(() => true);
    if (aborted) return undefined;
    const now = performance.now();
    if (reported === undefined && existsSync(reportFile)) reported = now;
    if (reported !== undefined && now - reported > exitGraceMs)
      return 'Jest did not end after its last test: a test left something open';
    if (now > deadline) return `not done after ${limitSeconds} s: ended`;
  }
}

/**
 * The counts and failures of a report. A file that could not even run counts as one failure. Under a name
 * filter Jest calls every test that the filter left out "pending": those are not skipped tests.
 */
export function readReport(report: JestReport, byName: boolean): Omit<Step, 'name' | 'seconds'> {
  const failures: string[] = [];
  let failed = report.numFailedTests;
  for (const file of report.testResults) {
    const name = path.relative(repository, file.name);
    const bad = file.assertionResults.filter((test) => test.status === 'failed');
    failures.push(...bad.map((test) => `${name}: ${test.fullName}`));
    if (file.status === 'failed' && bad.length === 0) {
      failed += 1;
      failures.push(`${name}: ${file.message.trim().split('\n')[0] ?? 'could not run'}`);
    }
  }
  const skipped = byName ? 0 : report.numPendingTests + report.numTodoTests;
  return { passed: report.numPassedTests, failed, skipped, failures };
}
