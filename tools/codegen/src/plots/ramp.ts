import { rampShare, type Ramp } from '@spillway/balancing';
import { COLOUR, svg } from './chart.js';
import { poolOf } from './pool.js';

const UNITS = 4;
const FOUR_SECONDS: Ramp = { duration: 4000, units: UNITS };
const STEP = 20;
const PERCENT = [0, 25, 50, 75, 100].map((n): [number, string] => [n / 100, `${n} %`]);

/** The share of a server over the units of its ramp, and what it comes to in each. */
export function rampCurve(): string {
  const shares = Array.from({ length: 101 }, (_, i): [number, number] => [
    i / 20,
    rampShare((i / 20) * 1000, FOUR_SECONDS),
  ]);
  const corners = shares.filter(([, y], i) => y < 1 || shares[i - 1]![1] < 1 || i === shares.length - 1);
  const average = Array.from({ length: UNITS }, (_, unit): [number, number][] => [
    [unit, (unit + 1) / UNITS],
    [unit + 1, (unit + 1) / UNITS],
  ]).flat();
  return svg({
    title: 'Connection ramp of four units',
    x: {
      title: 'units since it was admitted',
      from: 0,
      to: 5,
      ticks: [0, 1, 2, 3, 4, 5].map((n) => [n, String(n)]),
    },
    y: { title: 'part of its share', from: 0, to: 1.05, ticks: PERCENT },
    series: [
      { name: 'k / n in unit k', colour: COLOUR.orange, points: average, dashed: true },
      { name: 'its share', colour: COLOUR.blue, points: corners },
    ],
  });
}

/** Open connections of the server that joins two with 100 each, as `LeastConnections` deals them out. */
function joining(ramp: Ramp | null): [number, number][] {
  const { algorithm, context, open } = poolOf('least_connections', 3);
  const { table } = context;
  const [perSecond, seconds, lasts] = [100, 7, 2];
  const ends: number[][] = [];
  const points: [number, number][] = [];
  const shares = (third: number): void => {
    table.shares[2] = third;
    table.eligible[2] = third > 0 ? 1 : 0;
    table.reduced = third > 0 && third < 1;
    algorithm.refresh();
  };
  shares(0);
  let due = 0;
  for (let now = -2 * lasts * 1000; now < seconds * 1000; now += STEP) {
    if (now >= 0) shares(ramp === null ? 1 : rampShare(now, ramp));
    const at = (now / STEP + 10_000) % 10_000;
    for (const place of ends[at] ?? []) {
      open[place]!--;
      algorithm.changed(place);
    }
    ends[at] = [];
    for (due += (perSecond * STEP) / 1000; due >= 1; due--) {
      const place = algorithm.pick(-1, 0);
      open[place]!++;
      algorithm.changed(place);
      (ends[(at + (lasts * 1000) / STEP) % 10_000] ??= []).push(place);
    }
    if (now >= 0 && now % 100 === 0) points.push([now / 1000, open[2]!]);
  }
  return points;
}

/** The example of the pools document, with connections that last two seconds. */
export const rampExample = (): string =>
  svg({
    title: 'A third server joins two with 100 connections each (least connections)',
    x: {
      title: 'seconds since it was admitted; 100 new connections a second, two seconds each',
      from: 0,
      to: 7,
      ticks: [0, 1, 2, 3, 4, 5, 6, 7].map((n) => [n, String(n)]),
    },
    y: { title: 'its connections', from: 0, to: 110, ticks: [0, 25, 50, 75, 100].map((n) => [n, String(n)]) },
    series: [
      { name: 'without a ramp', colour: COLOUR.red, points: joining(null), dashed: true },
      { name: 'with a ramp of four seconds', colour: COLOUR.blue, points: joining(FOUR_SECONDS) },
    ],
  });
