import { stringify } from 'yaml';
import type { Json } from '../client.js';
import { CliError, EXIT } from '../errors.js';
import type { Column } from '../kinds.js';
import { cell, table } from './table.js';

export type Format = 'table' | 'json' | 'yaml' | 'name';
const FORMATS: readonly string[] = ['table', 'json', 'yaml', 'name'];

export function parseFormat(text: string | undefined): Format {
  const format = text ?? 'table';
  if (!FORMATS.includes(format))
    throw new CliError(`-o ${format}: use one of ${FORMATS.join(', ')}`, EXIT.usage);
  return format as Format;
}

/** Prints rows the way the user asked for. */
export function printRows(rows: Json[], columns: Column[], format: Format, one = false): void {
  switch (format) {
    case 'json':
      console.log(JSON.stringify(one ? rows[0] : rows, null, 2));
      return;
    case 'yaml':
      console.log(
        (one ? [rows[0]] : rows)
          .map((r) => stringify(r))
          .join('---\n')
          .trimEnd(),
      );
      return;
    case 'name':
      for (const row of rows) console.log(cell(columns[0]?.value(row)));
      return;
    case 'table':
      if (rows.length === 0) console.error('No objects found.');
      else
        console.log(
          table(
            columns.map((c) => c.title),
            rows.map((r) => columns.map((c) => cell(c.value(r)))),
          ),
        );
      return;
  }
}
