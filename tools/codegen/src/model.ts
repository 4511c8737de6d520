import { join } from 'node:path';
import { defaultsPage, kindNames, messagesPage, referenceIndex, referencePage } from '@spillway/model';
import { emitFilled, emitTables, emitTypes } from './emit-types.js';
import type { Output } from './output.js';
import { readSchema } from './schema.js';

const CODE = 'libs/model/src/generated';
const DOCS = 'docs/reference/objects';
/** Beside pages that people write. */
const DEFAULTS = 'docs/guide/pools/defaults.md';

/** Directories whose every file is generated. */
export const OWNED_BY_MODEL: readonly string[] = [CODE, DOCS];

/** The TypeScript that follows from the tables. It is read from their files: the compiled model needs it to exist. */
export function generateCode(root: string): Output {
  const schema = readSchema(join(root, 'libs/model/schema'));
  return new Map([
    [`${CODE}/tables.ts`, emitTables(schema)],
    [`${CODE}/types.ts`, emitTypes(schema)],
    [`${CODE}/filled.ts`, emitFilled(schema)],
  ]);
}

/** The reference docs, from the compiled model. */
export function generateDocs(): Output {
  return new Map([
    [`${DOCS}/README.md`, referenceIndex()],
    [`${DOCS}/messages.md`, messagesPage()],
    [DEFAULTS, defaultsPage()],
    ...kindNames().map((kind) => [`${DOCS}/${kind}.md`, referencePage(kind)] as const),
  ]);
}

export function generateModel(root: string): Output {
  return new Map([...generateCode(root), ...generateDocs()]);
}
