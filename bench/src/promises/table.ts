import type { Row } from './row.js';

const HEAD = ['promise', 'budget', 'measured', 'verdict'] as const;

export const verdict = ({ met }: Row): string => (met === undefined ? '' : met ? 'kept' : 'MISSED');

const cells = (row: Row): string[] => [row.promise, row.budget, row.measured, verdict(row)];

/** For a terminal: columns as wide as they must be. */
export function plainTable(rows: readonly Row[]): string {
  const lines = [[...HEAD], ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const markdownLine = (all: readonly string[]): string =>
  `| ${all.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

/** For a document. */
export function markdownTable(rows: readonly Row[]): string {
  const lines = [HEAD, HEAD.map(() => '---'), ...rows.map(cells)];
  return lines.map(markdownLine).join('\n');
}
