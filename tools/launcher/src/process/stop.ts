import { type ProcessIdentity, runs } from './identity.js';
import { until, WaitError } from './wait.js';
import { hasCode } from './errno.js';

/** Sends a signal to exactly this process. Answers false when it does not run any more. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!runs(identity)) return false;
  try {
    process.kill(identity.pid, name);
    return true;
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
    throw error;
  }
}

/** Signals to try in turn, each with the time that it is given to work. */
export type Escalation = [NodeJS.Signals, number][];

/** A polite end, then a certain one. */
export const termThenKill: Escalation = [
  ['SIGTERM', 10_000],
  ['SIGKILL', 5_000],
];

/**
 * Ends a process and waits until it is gone. Answers false when it did not run.
 *
 * @throws WaitError when it outlives the last signal
 */
export async function stop(
  identity: ProcessIdentity,
  what: string,
  escalation: Escalation = termThenKill,
): Promise<boolean> {
  if (!runs(identity)) return false;
  for (const [index, [name, timeoutMs]] of escalation.entries()) {
    signal(identity, name);
    try {
      await until(`${what} (pid ${identity.pid}) to end after ${name}`, () => !runs(identity), { timeoutMs });
      return true;
    } catch (error) {
      if (!(error instanceof WaitError) || index === escalation.length - 1) throw error;
    }
  }
  return true;
}
