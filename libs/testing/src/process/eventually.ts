/** How a condition is awaited. */
export interface EventuallyOptions {
  /** Milliseconds after which the wait fails. Default 5,000. */
  within?: number;
  /** Milliseconds between two looks. Default 20. */
  every?: number;
  /** What is awaited, for the failure message. */
  what?: string;
}

/** A condition did not come true in time; the message carries the last value or error seen. */
export class EventuallyError extends Error {
  readonly code = 'CONDITION_NOT_MET';
  constructor(
    message: string,
    readonly last: unknown,
  ) {
    super(message);
    this.name = 'EventuallyError';
  }
}

/**
 * Polls `probe` until it gives a truthy value and returns that value. A probe that throws counts as
 * "not yet" (so a test can put its `expect` inside); what it threw last ends up in the failure.
 * @throws EventuallyError naming what was awaited, for how long, and what was seen last.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const { within = 5_000, every = 20, what = 'the condition' } = options;
  const started = performance.now();
  let looks = 0;
  let last: unknown;
  let threw = false;
  for (;;) {
    looks++;
    try {
      last = await probe();
      threw = false;
      if (last) return last as Exclude<T, false | null | undefined | 0 | ''>;
    } catch (error) {
      last = error;
      threw = true;
    }
    const elapsed = performance.now() - started;
    if (elapsed >= within) {
      const seen = threw ? `last error: ${describe(last)}` : `last value: ${describe(last)}`;
      throw new EventuallyError(
        `waited ${Math.round(elapsed)} ms (limit ${within} ms, ${looks} looks) for ${what}; ${seen}`,
        last,
      );
    }
    await sleep(Math.min(every, Math.max(1, within - elapsed)));
  }
}

/** Resolves after `ms` milliseconds: the pace of a poll or of a load, never a wait for an effect. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** `promise`, or a failure that says what took longer than `ms` milliseconds. */
export async function withTimeout<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new EventuallyError(`${what}: not done within ${ms} ms`, undefined)), ms);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function describe(value: unknown): string {
  if (value instanceof Error) return value.message;
  if (typeof value === 'string') return JSON.stringify(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? String(v) : v));
  } catch {
    text = String(value);
  }
  text ??= String(value);
  return text.length > 4_000 ? `${text.slice(0, 4_000)}… (${text.length} characters)` : text;
}
