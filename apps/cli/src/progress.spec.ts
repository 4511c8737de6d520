import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Client, Json } from './client.js';
import { EXIT } from './errors.js';
import { follow } from './progress.js';

const asking = {
  uuid: 'operation-1',
  state: 'waiting',
  step: 'choose',
  progress: 0,
  text: 'no service engine has room',
  question: { code: 'SE_NEEDED', fields: [{ name: 'to_se_ref', text: 'service engine to use' }] },
};

/** Tells these states, and then nothing until it is aborted. */
const client = (...states: Json[]): Client =>
  ({
    async *events(_path: string, signal: AbortSignal) {
      for (const state of states) yield { event: 'operation', data: JSON.stringify(state) };
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    },
  }) as unknown as Client;

describe('following an operation', () => {
  const told: string[] = [];

  beforeEach(() => {
    told.length = 0;
    jest.spyOn(console, 'error').mockImplementation((line: unknown) => void told.push(String(line)));
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  test('one that asks is shown with the line to type; running out of time is an exit code of its own', async () => {
    const followed = follow(client(asking), 'operation-1', { timeout: 0.05, quiet: false });
    await expect(followed).rejects.toMatchObject({
      exitCode: EXIT.timeout,
      message: expect.stringMatching(
        /operation-1 has not ended after 0\.05 s and goes on; last: 0% {2}choose/,
      ),
    });
    expect(told.join('\n')).toContain(
      `spillway operations answer operation-1 '{"to_se_ref": "..."}'   (service engine to use)`,
    );
  });

  test('one that ends is told to its end, a failed one is an error with its own words', async () => {
    const done = { ...asking, state: 'succeeded', progress: 100, text: 'Scaled out to se-2' };
    await expect(follow(client(asking, done), 'x', { timeout: 5, quiet: false })).resolves.toEqual(done);
    expect(told.at(-1)).toBe('100%  choose           Scaled out to se-2');
    const failed = { ...done, state: 'failed', error: 'se-2 went away' };
    await expect(follow(client(failed), 'x', { timeout: 5, quiet: true })).rejects.toThrow(
      /failed: se-2 went/,
    );
  });
});
