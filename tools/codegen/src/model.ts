import { join } from 'node:path';
import { emitFilled, emitTables, emitTypes } from './emit-types.js';
import type { Output } from './output.js';
import { readSchema } from './schema.js';

/** Directories whose every file is generated. */
export const OWNED_BY_MODEL: readonly string[] = ['libs/model/src/generated'];

/** Everything that follows from the tables of libs/model/schema. */
export async function generateModel(root: string): Promise<Output> {
  const schema = readSchema(join(root, 'libs/model/schema'));
  return new Map([
    ['libs/model/src/generated/tables.ts', emitTables(schema)],
    ['libs/model/src/generated/types.ts', emitTypes(schema)],
    ['libs/model/src/generated/filled.ts', emitFilled(schema)],
  ]);
}
