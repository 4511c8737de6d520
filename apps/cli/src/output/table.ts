import { text } from '../text.js';

/** Columns as wide as their widest cell, three spaces apart, no borders, no space at the end of a line. */
export function table(titles: string[], rows: string[][]): string {
  const widths = titles.map((t, i) => Math.max(t.length, ...rows.map((r) => r[i]?.length ?? 0)));
  return [titles, ...rows]
    .map((cells) =>
      titles
        .map((_, i) => (cells[i] ?? '').padEnd(widths[i] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** A value as a cell: lists joined, objects as JSON, nothing as a dash. */
export function cell(value: unknown): string {
  const shown = text(value).replaceAll(/\s+/g, ' ');
  return shown === '' ? '-' : shown;
}
