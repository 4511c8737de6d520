import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { check } from '../output.js';
import { svg } from './chart.js';
import { generatePlots, OWNED_BY_PLOTS } from './index.js';

const ROOT = join(import.meta.dirname, '../../../..');

describe('the pictures of the guide', () => {
  const output = generatePlots();

  it('are up to date: else run node tools/codegen/dist/main.js plots', () => {
    expect(check(ROOT, output, OWNED_BY_PLOTS)).toEqual([]);
  });

  it.each([...output])('%s is small, and complete', (_path, content) => {
    expect(content.length).toBeLessThan(8000);
    expect(content).not.toMatch(/NaN|undefined|Infinity/);
    expect(content.match(/<(?!\/|\w+[^>]*\/>)\w+/g)?.length).toBe(content.match(/<\/\w+>/g)?.length);
  });
});

describe('a chart', () => {
  it('has its points where the axes say', () => {
    const picture = svg({
      title: 'a < b & c',
      x: { title: 'x', from: 1, to: 100, logarithmic: true, ticks: [[10, 'ten']] },
      y: { title: 'y', from: 0, to: 2, ticks: [[1, 'one']] },
      series: [
        {
          name: 'line',
          colour: '#000',
          points: [
            [1, 0],
            [10, 1],
            [100, 2],
          ],
        },
      ],
    });
    expect(picture).toContain('points="60,274 338,168 616,62"');
    expect(picture).toContain('a &lt; b &amp; c');
  });
});
