import { setTimeout as delay } from 'node:timers/promises';
import { type BackOff, died, rested, secondsLeft } from './back-off.js';

/** Something that is kept running. */
export interface Kept {
  name: string;
  runs(): boolean;
  /** Starts it. A failure counts like a death: it is tried again, later. */
  start(): Promise<void>;
}

interface Watch {
  backOff: BackOff;
  since: number;
  state: 'up' | 'down' | 'starting';
}

const lookEveryMs = 100;

/** Starts again what dies, each with its own back-off, until the signal. */
export async function supervise(
  kept: () => Kept[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const watches = new Map<string, Watch>();
  while (!signal.aborted) {
    for (const one of kept()) {
      const watch = watches.get(one.name) ?? { backOff: rested, since: performance.now(), state: 'up' };
      watches.set(one.name, watch);
      look(one, watch, say);
    }
    await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

function look(one: Kept, watch: Watch, say: (line: string) => void): void {
  if (watch.state === 'starting' || (watch.state === 'up' && one.runs())) return;
  const now = performance.now();
  if (watch.state === 'up') {
    watch.state = 'down';
    watch.backOff = died(watch.backOff, now, now - watch.since);
    say(`${one.name} ended; starting it again in ${secondsLeft(watch.backOff, now)}`);
  } else if (now >= watch.backOff.notBefore) {
    watch.state = 'starting';
    void one
      .start()
      .catch((error: unknown) =>
        say(`${one.name} could not be started: ${error instanceof Error ? error.message : String(error)}`),
      )
      .finally(() => {
        watch.state = 'up';
        watch.since = performance.now();
      });
  }
}
