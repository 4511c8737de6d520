import { maglevTable } from '@spillway/balancing';
import { COLOUR, svg } from './chart.js';
import { identitiesOf } from './pool.js';

const tableOf = (count: number): Uint16Array =>
  maglevTable({
    count,
    identities: identitiesOf(count),
    slots: new Int32Array(count),
    ratios: new Uint8Array(count).fill(1),
    eligible: new Uint8Array(count).fill(1),
    shares: new Float64Array(count).fill(1),
    reduced: false,
  });

/** Where the keys of nine servers go when a tenth joins, in per cent of all keys. */
export function ringMovement(): string {
  const [before, after] = [tableOf(9), tableOf(10)];
  const kept = new Float64Array(10);
  const taken = new Float64Array(10);
  const elsewhere = new Float64Array(10);
  const part = 100 / before.length;
  before.forEach((place, slot) => {
    const now = after[slot]!;
    const counted = now === place ? kept : now === 9 ? taken : elsewhere;
    counted[place]! += part;
    if (now === 9) kept[9]! += part;
  });
  return svg({
    title: 'A tenth server joins nine (consistent hash)',
    x: {
      title: 'server',
      from: 0.4,
      to: 10.6,
      ticks: Array.from({ length: 10 }, (_, i) => [i + 1, String(i + 1)]),
    },
    y: {
      title: 'per cent of all keys',
      from: 0,
      to: 12,
      ticks: [0, 2, 4, 6, 8, 10, 12].map((n) => [n, String(n)]),
    },
    stacks: Array.from({ length: 10 }, (_, i) => ({
      label: String(i + 1),
      parts: [
        { height: kept[i]!, colour: i === 9 ? COLOUR.orange : COLOUR.blue },
        { height: taken[i]!, colour: COLOUR.grey },
        { height: elsewhere[i]!, colour: COLOUR.red },
      ].filter(({ height }) => height > 0),
    })),
    key: [
      { name: 'stays', colour: COLOUR.blue },
      { name: 'goes to the tenth', colour: COLOUR.grey },
      { name: `goes elsewhere (${sum(elsewhere).toFixed(2)} %)`, colour: COLOUR.red },
      { name: 'what the tenth has', colour: COLOUR.orange },
    ],
  });
}

const sum = (of: Float64Array): number => of.reduce((a, b) => a + b, 0);

/** Parts of the keys over the average one, for pools of one to 5,000 servers. */
export function hashSpread(): string {
  const sizes = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000];
  const extremes = sizes.map((count) => {
    const slots = tableOf(count);
    const parts = new Uint32Array(count);
    for (const place of slots) parts[place]!++;
    const average = slots.length / count;
    return { count, most: Math.max(...parts) / average, least: Math.min(...parts) / average };
  });
  return svg({
    title: 'How even the parts are (consistent hash)',
    x: {
      title: 'servers in the pool',
      from: 1,
      to: 5000,
      logarithmic: true,
      ticks: [1, 10, 100, 1000, 5000].map((n) => [n, n.toLocaleString('en')]),
    },
    y: {
      title: 'part of the keys / average',
      from: 0.94,
      to: 1.06,
      ticks: [0.95, 1, 1.05].map((n) => [n, n.toFixed(2)]),
    },
    series: [
      { name: 'greatest part', colour: COLOUR.blue, points: extremes.map((e) => [e.count, e.most]) },
      { name: 'least part', colour: COLOUR.green, points: extremes.map((e) => [e.count, e.least]) },
      {
        name: 'allowed',
        colour: COLOUR.red,
        points: [
          [1, 1.05],
          [5000, 1.05],
        ],
        dashed: true,
      },
    ],
  });
}
