import { setTimeout as delay } from 'node:timers/promises';

/** A condition did not come true in time; the message says which. */
export class WaitError extends Error {
  readonly code = 'timeout';
}

/**
 * Polls until the condition gives something other than undefined or false, and answers that.
 *
 * @param what - completes the sentence "waited 5 s for ..."
 * @throws WaitError after `timeoutMs`; whatever the condition throws
 */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 10_000, everyMs = 10 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadline) throw new WaitError(`waited ${timeoutMs / 1000} s for ${what}`);
    await delay(everyMs);
  }
}
