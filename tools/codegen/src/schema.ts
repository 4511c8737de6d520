import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Facts per field as the tables have them; libs/model explains each. */
export interface RawFacts {
  readonly type: string;
  readonly default?: unknown;
  readonly range?: string;
  readonly special?: string;
  readonly enum?: readonly string[];
  readonly unit?: string;
  readonly ref?: string;
  readonly required?: boolean;
  readonly read_only?: boolean;
  readonly note?: string;
}
export type RawTable = Readonly<Record<string, Readonly<Record<string, RawFacts>>>>;

/** Files that hold nested messages and no kind. */
const NOT_KINDS: ReadonlySet<string> = new Set(['common', 'actions', 'runtime']);

export interface Schema {
  /** Published type names, sorted by their path names. */
  readonly kindTypes: readonly string[];
  readonly publishedFiles: readonly string[];
  readonly ownFiles: readonly string[];
  /** Message name -> fields, ours laid over the published ones; sorted. */
  readonly messages: ReadonlyMap<string, ReadonlyMap<string, RawFacts>>;
}

const tablesIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort();

/** Reads the tables of libs/model/schema. It goes to the files, because the compiled model needs what is generated from them. */
export function readSchema(directory: string): Schema {
  const publishedFiles = tablesIn(directory);
  const ownFiles = tablesIn(join(directory, 'own')).map((name) => `own/${name}`);
  const merged = new Map<string, Map<string, RawFacts>>();
  for (const file of [...publishedFiles, ...ownFiles]) {
    const table = JSON.parse(readFileSync(join(directory, file), 'utf8')) as RawTable;
    for (const [message, fields] of Object.entries(table)) {
      const into = merged.get(message) ?? new Map<string, RawFacts>();
      merged.set(message, into);
      for (const [name, facts] of Object.entries(fields)) into.set(name, { ...into.get(name), ...facts });
    }
  }
  const kindTypes = publishedFiles
    .map((file) => basename(file, '.json'))
    .filter((name) => !NOT_KINDS.has(name))
    .sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const messages = new Map(
    [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, fields]) => [name, sortFields(fields)]),
  );
  return { kindTypes, publishedFiles, ownFiles, messages };
}

const sortFields = (fields: ReadonlyMap<string, RawFacts>): Map<string, RawFacts> =>
  new Map([...fields].sort(([a], [b]) => (a < b ? -1 : 1)));
