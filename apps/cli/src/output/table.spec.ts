import { describe, expect, it } from '@jest/globals';
import { cell, table } from './table.js';

describe('table', () => {
  it('is as wide as its widest cells and has no space at the end of a line', () => {
    expect(
      table(
        ['NAME', 'STATE'],
        [
          ['web', 'UP'],
          ['a-long-name', '-'],
        ],
      ),
    ).toBe('NAME          STATE\nweb           UP\na-long-name   -');
  });

  it('shows nothing as a dash and keeps a cell on one line', () => {
    expect([undefined, null, '', 0, false, 'a\nb', ['x']].map(cell)).toEqual([
      '-',
      '-',
      '-',
      '0',
      'false',
      'a b',
      '["x"]',
    ]);
  });
});
