import { allowedItems, unitOf } from '../allowed.js';
import { fieldsOf, type Field } from '../facts.js';
import { honour } from '../honoured/index.js';
import { kindNames, kinds } from '../kinds.js';
import type { KindName } from '../generated/types.js';
import type { Json } from '../walk.js';

const UNBOUNDED = 2 ** 53;

function numberSchema(field: Field): Json {
  const { bounds, scalar } = field;
  const type = { type: scalar };
  if (!bounds || bounds.max >= UNBOUNDED - 1) return bounds?.min === 0 ? { ...type, minimum: 0 } : type;
  if (bounds.choices) return { ...type, enum: [...bounds.choices] };
  const range = { ...type, minimum: bounds.min, maximum: bounds.max };
  return bounds.specials.length > 0 ? { anyOf: [range, { ...type, enum: [...bounds.specials] }] } : range;
}

function valueSchema(field: Field): Json {
  const { facts } = field;
  if (field.nested !== undefined) return { $ref: `#/components/schemas/${field.nested}` };
  if (facts.enum) return { type: 'string', enum: [...facts.enum] };
  if (field.scalar === 'boolean') return { type: 'boolean' };
  if (field.scalar !== 'string') return numberSchema(field);
  return Number.isFinite(field.maxLength)
    ? { type: 'string', maxLength: field.maxLength }
    : { type: 'string' };
}

function describe(field: Field): string {
  const { facts } = field;
  return [
    facts.note,
    field.target && `Reference to a ${field.target}: its URL, uuid or name.`,
    unitOf(field) && `In ${unitOf(field)}.`,
    facts.special && `${facts.special}.`,
    field.repeated && allowedItems(field) && `${allowedItems(field)}.`,
  ]
    .filter(Boolean)
    .join(' ');
}

function fieldSchema(field: Field, kind: KindName | undefined): Json {
  const { facts } = field;
  const description = describe(field);
  const limits = {
    ...(field.minItems > 0 ? { minItems: field.minItems } : {}),
    ...(Number.isFinite(field.maxItems) ? { maxItems: field.maxItems } : {}),
  };
  const value = valueSchema(field);
  return {
    ...(field.repeated ? { type: 'array', items: value, ...limits } : value),
    ...(description ? { description } : {}),
    ...(facts.default === undefined ? {} : { default: facts.default }),
    ...(facts.read_only ? { readOnly: true } : {}),
    ...(facts.secret ? { writeOnly: true } : {}),
    ...(facts.deprecated ? { deprecated: true } : {}),
    ...(kind === undefined ? {} : { 'x-spillway-honoured': honour(kind, field.name) }),
  };
}

function messageSchema(message: string, kind: KindName | undefined): Json {
  const fields = [...fieldsOf(message).values()];
  const required = fields.filter((f) => f.facts.required && f.facts.default === undefined).map((f) => f.name);
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map((f) => [f.name, fieldSchema(f, kind)])),
    ...(required.length > 0 ? { required } : {}),
  };
}

/** The nested messages that some types reach, themselves included, in alphabetical order. */
export function reachable(types: readonly string[]): string[] {
  const seen = new Set<string>();
  const queue = [...types];
  for (let type = queue.pop(); type !== undefined; type = queue.pop()) {
    if (seen.has(type)) continue;
    seen.add(type);
    for (const field of fieldsOf(type).values()) if (field.nested !== undefined) queue.push(field.nested);
  }
  return [...seen].sort();
}

/** `components.schemas`: one per kind and nested message, by its published name. */
export function schemas(extraMessages: readonly string[]): Json {
  const kindOf = new Map(kindNames().map((kind) => [kinds[kind].type, kind]));
  const names = reachable([...kindOf.keys(), ...extraMessages]);
  return Object.fromEntries(names.map((name) => [name, messageSchema(name, kindOf.get(name))]));
}
