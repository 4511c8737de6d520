import { allowedItems, allowedValue, unitOf } from '../allowed.js';
import type { Field } from '../facts.js';
import { anchor, code, table } from './markdown.js';

/** An enumeration longer than this gets a section of its own. */
const MOST_VALUES = 12;

export interface FieldsOptions {
  /** Where the page says more of a nested message. */
  readonly linkOf: (field: Field) => string;
  /** The cell that says whether something acts on a field; without it there is no such column. */
  readonly acts?: (field: Field) => string;
}

const valuesHeading = (field: Field): string => `Values of ${field.message}.${field.name}`;

function typeCell(field: Field, { linkOf }: FieldsOptions): string {
  const { facts, nested, target } = field;
  const one =
    nested !== undefined
      ? `[${nested}](${linkOf(field)})`
      : target !== undefined
        ? `reference to ${target}`
        : (facts.enum && 'enum') || (field.scalar ?? '');
  return [
    field.repeated ? `list of ${one}` : one,
    facts.required && 'required',
    facts.read_only && 'read only',
    facts.secret && 'secret',
  ]
    .filter(Boolean)
    .join(', ');
}

function allowedCell(field: Field): string {
  const { facts } = field;
  const values = facts.enum ?? [];
  const value = (): string => {
    if (values.length > MOST_VALUES) return `[one of ${values.length}](#${anchor(valuesHeading(field))})`;
    if (values.length > 0) return values.map(code).join(', ');
    if (field.bounds && (facts.range || facts.special)) return allowedValue(field);
    return Number.isFinite(field.maxLength) ? allowedValue(field) : unitOf(field);
  };
  return [value(), field.repeated && allowedItems(field), facts.note, facts.deprecated && 'Deprecated.']
    .filter(Boolean)
    .join('; ');
}

const defaultCell = ({ facts }: Field): string =>
  facts.default === undefined ? '' : code(facts.default === '' ? '""' : String(facts.default));

/** The table of some fields. */
export function fieldsTable(fields: Iterable<Field>, options: FieldsOptions): string {
  const { acts } = options;
  const head = ['field', 'type', 'default', 'allowed', ...(acts ? ['acts'] : [])];
  const rows = [...fields].map((field) => {
    const cells = [code(field.name), typeCell(field, options), defaultCell(field), allowedCell(field)];
    return acts ? [...cells, acts(field)] : cells;
  });
  return table(head, rows);
}

/** Sections that list what long enumerations take. */
export function longEnumerations(fields: Iterable<Field>): string[] {
  return [...fields]
    .filter((field) => (field.facts.enum ?? []).length > MOST_VALUES)
    .map((field) => `## ${valuesHeading(field)}\n\n${(field.facts.enum ?? []).map(code).join(', ')}`);
}
