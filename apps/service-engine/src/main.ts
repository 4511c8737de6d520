import { createLogger } from './log/logger.js';
import { parseOptions, UsageError } from './settings/options.js';

/** The program of an SE: a supervisor, and the agent and workers that it starts. */
const [verb = '', ...rest] = process.argv.slice(2);
const runtimeDir = process.env['SPILLWAY_RUNTIME_DIR'] ?? '';
const supervisor = Number(process.env['SPILLWAY_SUPERVISOR']);

/** On a snapshot file standard output holds the one line that says when it serves. */
const toErrors = process.argv.includes('engine') || process.env['SPILLWAY_LOG'] === 'stderr';
const write = (line: string): void => void (toErrors ? process.stderr : process.stdout).write(line);

/** Signals for the whole process group are the supervisor's to act on. */
function leaveSignalsToSupervisor(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
}

async function main(): Promise<void> {
  if (verb === 'worker') {
    leaveSignalsToSupervisor();
    const { runWorker } = await import('./worker/worker.js');
    const index = Number(rest[0]);
    const mostQueued = Number(process.env['SPILLWAY_QUEUED_BYTES']);
    await runWorker({ index, runtimeDir, supervisor, mostQueued }, createLogger(`worker ${index}`, write));
    return;
  }
  if (verb === 'agent') {
    leaveSignalsToSupervisor();
    const { runAgent } = await import('./agent/agent.js');
    await runAgent(parseOptions(rest, process.env), { runtimeDir, supervisor }, createLogger('agent', write));
    return;
  }
  const options = parseOptions([verb, ...rest], process.env);
  if (options.snapshotFile !== undefined) process.env['SPILLWAY_LOG'] = 'stderr';
  const { Supervisor } = await import('./supervisor/supervisor.js');
  const log = createLogger('supervisor', write);
  const run = new Supervisor(options, process.argv[1] ?? '', [verb, ...rest], log, (started, metrics) => {
    if (options.snapshotFile === undefined) return;
    const { listeners, failures } = started;
    const line =
      failures.length > 0
        ? { ready: false, failures }
        : { ready: true, pid: process.pid, listeners, metrics };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  });
  process.exit(await run.run());
}

try {
  await main();
} catch (error) {
  if (error instanceof UsageError) process.stderr.write(`${error.message}\n`);
  else
    createLogger(verb, write).error('ended by an error', {
      error,
      stack: error instanceof Error ? error.stack : '',
    });
  process.exit(2);
}
