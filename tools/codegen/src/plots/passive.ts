import { PassiveMonitor } from '@spillway/balancing';
import { COLOUR, svg } from './chart.js';

const SERVERS = 4;
const ROUND_MS = 100;
const SECONDS = 40;
/** Seconds at which the first server begins to fail, and at which it is well again. */
const [BAD, WELL] = [5, 20];

/** The share of a server of four that answers errors for a while, at so many requests a second to each. */
function shares(rate: number): [number, number][] {
  const monitor = new PassiveMonitor({
    count: SERVERS,
    available: new Uint8Array(SERVERS).fill(1),
    ratios: new Uint8Array(SERVERS).fill(1),
  });
  const due = new Float64Array(SERVERS);
  const points: [number, number][] = [];
  // What is remembered of the time before begins well ahead of the picture.
  for (let at = -60; at <= SECONDS; at += ROUND_MS / 1000) {
    const bad = at >= BAD && at < WELL;
    for (let i = 0; i < SERVERS; i++) {
      due[i]! += (rate * ROUND_MS * monitor.shares[i]!) / 1000;
      const whole = Math.floor(due[i]!);
      due[i]! -= whole;
      monitor.observe(i, whole, bad && i === 0 ? whole : 0);
    }
    monitor.judge(ROUND_MS);
    const last = points.at(-1);
    if (at >= 0 && (last === undefined || last[1] !== monitor.shares[0])) {
      if (last !== undefined && at - last[0] > 0.15) points.push([at - ROUND_MS / 1000, last[1]]);
      points.push([at, monitor.shares[0]!]);
    }
  }
  points.push([SECONDS, monitor.shares[0]!]);
  return points;
}

export const passiveShares = (): string =>
  svg({
    title: 'One of four servers answers errors for 15 seconds',
    x: {
      title: 'seconds; it is bad from 5 to 20',
      from: 0,
      to: SECONDS,
      ticks: [0, BAD, 10, 15, WELL, 25, 30, 35, 40].map((n) => [n, String(n)]),
    },
    y: {
      title: 'part of its share',
      from: 0,
      to: 1.05,
      ticks: [0, 25, 50, 75, 100].map((n) => [n / 100, `${n} %`]),
    },
    series: [
      { name: '10 requests a second', colour: COLOUR.orange, points: shares(10) },
      { name: '100 a second', colour: COLOUR.green, points: shares(100), dashed: true },
      { name: '1,000 a second', colour: COLOUR.blue, points: shares(1000) },
    ],
  });
