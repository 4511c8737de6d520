import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, identify, now, processStat, type Scope, signalProcess, World } from '@spillway/testing';
import { atMost, type Row } from '../report/row.js';

const TIMES = 5;

/** A worker is replaced within a second: of its crash, or of the time-out of its beats (100 ms x 6). */
const HITS = [
  { what: 'worker crashed (SIGKILL)', signal: 'SIGKILL', limit: 1_000 },
  { what: 'worker hung (SIGSTOP)', signal: 'SIGSTOP', limit: 1_600 },
] as const;

export async function measureWorkers(scope: Scope): Promise<Row[]> {
  const world = await World.create(scope, { serviceEngines: 1, workers: 2 });
  return world.instance.watched(async () => {
    const { name } = (await world.placements())[0]!;
    const rows: Row[] = [];
    for (const { what, signal, limit } of HITS) {
      const took: number[] = [];
      for (let i = 0; i < TIMES; i++) took.push(await replace(world, name, signal));
      took.sort((a, b) => a - b);
      rows.push(
        atMost(`${what}: until another one serves, worst of ${TIMES}`, limit, took.at(-1)!, {
          median: took[TIMES >> 1]!,
        }),
      );
    }
    return rows;
  });
}

/** Milliseconds until two workers are live again, neither of them the one that was hit. */
async function replace(world: World, name: string, signal: 'SIGKILL' | 'SIGSTOP'): Promise<number> {
  const { workers } = await world.instance.supervisor(name);
  const victim = workers[0]!;
  const at = now();
  signalProcess(identify(victim)!, signal);
  await eventually(
    async () => {
      if (processStat(victim) !== undefined) return false;
      const { workers: present } = await world.instance.supervisor(name);
      return !present.includes(victim) && (await liveWorkers(world, name)) === 2;
    },
    { within: 20_000, every: 5, what: 'two live workers' },
  );
  return now() - at;
}

async function liveWorkers(world: World, name: string): Promise<number> {
  const file = join(world.instance.dir, 'se', name, 'supervisor.json');
  const { metrics } = JSON.parse(await readFile(file, 'utf8')) as { metrics: string };
  const text = await (await fetch(metrics)).text();
  return Number(/^spillway_se_workers (\d+)$/m.exec(text)?.[1] ?? 0);
}
