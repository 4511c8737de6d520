import { Simulation } from '@spillway/balancing/simulation';
import { COLOUR, svg } from './chart.js';

const SECONDS = 120;
const STEP = 2;
/** What each server can do, requests a second: ten at a time, 20 ms each. */
const EACH = 500;
const COLOURS = [COLOUR.blue, COLOUR.orange, COLOUR.green, COLOUR.red];

const rate = (time: number): number =>
  time < 30_000 ? 200 : time < 60_000 ? 800 : time < 90_000 ? 1600 : 200;

/** Requests a second of each server, while the load grows in steps and falls again. */
export function fewestServers(): string {
  const simulation = new Simulation({
    algorithm: 'fewest_servers',
    origins: Array.from({ length: 6 }, () => ({ slots: 10 })),
    kinds: [{ part: 1, firstByte: 20, whole: 21 }],
    rate,
    duration: SECONDS * 1000,
    workers: 2,
  }).run();
  const counts = Array.from({ length: SECONDS / STEP }, (_, i) =>
    simulation.counts(i * STEP * 1000, (i + 1) * STEP * 1000),
  );
  return svg({
    title: 'Six servers of 500 requests a second each (fewest servers)',
    x: {
      title: 'seconds; 200, 800, 1,600 and again 200 requests a second',
      from: 0,
      to: SECONDS,
      ticks: [0, 30, 60, 90, 120].map((s) => [s, String(s)]),
    },
    y: {
      title: 'requests a second',
      from: 0,
      to: 600,
      ticks: [0, 200, 400, EACH, 600].map((n) => [n, String(n)]),
    },
    series: ['first', 'second', 'third', 'fourth'].map((name, place) => ({
      name,
      colour: COLOURS[place]!,
      points: counts.map((of, i) => [(i + 0.5) * STEP, of[place]! / STEP] as const),
    })),
    key: [],
  });
}
