import type { Row } from './row.js';

const HEAD = ['promise', 'budget', 'measured', 'verdict'] as const;

export const verdict = ({ met }: Row): string => (met === undefined ? '' : met ? 'kept' : 'MISSED');

const cells = (row: Row): string[] => [row.promise, row.budget, row.measured, verdict(row)];

/** For a terminal: columns as wide as they must be. */
export function plain(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
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
export const markdown = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(markdownLine).join('\n');

/** Promises with their verdicts. */
export const plainTable = (rows: readonly Row[]): string => plain(HEAD, rows.map(cells));
export const markdownTable = (rows: readonly Row[]): string => markdown(HEAD, rows.map(cells));
