import { holdName } from './abstract-socket.js';
import { LOCK_NAME } from './claim-name.js';

const POLL = 5;
/** A holder that hangs must not stop everybody else; after so long the lock is passed over. */
const PATIENCE = 1500;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/**
 * Runs `work` while nobody else in this network namespace does. When the lock cannot be had in time, `work` runs
 * without it: a claim is checked once more after it was made, so two racing claimers may then both fail, but never
 * both succeed.
 */
export async function underLock<T>(work: (locked: boolean) => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE;
  let held = await holdName(LOCK_NAME, '');
  while (held === undefined && performance.now() < deadline) {
    await pause(POLL + Math.random() * POLL);
    held = await holdName(LOCK_NAME, '');
  }
  try {
    return await work(held !== undefined);
  } finally {
    await held?.close();
  }
}
