import { ownTables, publishedTables } from './generated/tables.js';
import { longestDescription, parseItems, parseRange, parseSpecials, type Bounds } from './facts-parse.js';

/** What a table says of one field. The spelling is the published schema's. */
export interface Facts {
  /** `string`, `boolean`, `integer:int32|uint32|int64|uint64`, `integer`, `number:double|float`, a message name; in brackets when repeated. */
  readonly type: string;
  readonly default?: string | number | boolean;
  /** `1-300`, or a list of values `0,1,2,4`. */
  readonly range?: string;
  /** Values outside the range that mean something: `0 - Immediate, -1 - Infinite`. */
  readonly special?: string;
  readonly enum?: readonly string[];
  readonly unit?: string;
  /** The type that a reference points to. */
  readonly ref?: string;
  readonly required?: boolean;
  /** Set by the server; a client's value is ignored. */
  readonly read_only?: boolean;
  /** The published release that it came in. */
  readonly since?: string;
  /** `min 1` or `max 50`, the number of elements. */
  readonly items?: string;
  readonly deprecated?: boolean;
  /** Never shown again once written (own table). */
  readonly secret?: boolean;
  /** One sentence for the reference docs (own table). */
  readonly note?: string;
}

export type Scalar = 'string' | 'boolean' | 'integer' | 'number';

/** One field of a message, with its facts parsed. */
export interface Field {
  readonly name: string;
  /** The message that declares it. */
  readonly message: string;
  readonly facts: Facts;
  readonly repeated: boolean;
  /** The scalar type of the value or of each element; undefined for a message. */
  readonly scalar: Scalar | undefined;
  /** The nested message's name; undefined for a scalar. */
  readonly nested: string | undefined;
  readonly bounds: Bounds | undefined;
  readonly minItems: number;
  readonly maxItems: number;
  /** Characters; Infinity where nothing limits them. */
  readonly maxLength: number;
  /** The path name of the kind that a reference points to (`Pool` -> `pool`). */
  readonly target: string | undefined;
  /** Ours: not part of the published schema. */
  readonly own: boolean;
}

export type Message = ReadonlyMap<string, Field>;

type Table = Record<string, Record<string, Facts>>;

function mergeTables(): { merged: Map<string, Map<string, Facts>>; own: Set<string> } {
  const merged = new Map<string, Map<string, Facts>>();
  const own = new Set<string>();
  for (const [message, fields] of publishedTables.flatMap((t) => Object.entries(t as Table))) {
    merged.set(message, new Map(Object.entries(fields)));
  }
  for (const [message, fields] of ownTables.flatMap((t) => Object.entries(t as Table))) {
    const into = merged.get(message) ?? new Map<string, Facts>();
    merged.set(message, into);
    for (const [name, facts] of Object.entries(fields)) {
      const published = into.get(name);
      if (!published) own.add(`${message}.${name}`);
      into.set(name, { ...published, ...facts });
    }
  }
  return { merged, own };
}

const { merged, own } = mergeTables();

function buildField(message: string, name: string, facts: Facts): Field {
  const repeated = facts.type.startsWith('[');
  const base = repeated ? facts.type.slice(1, -1) : facts.type;
  const [word = '', format] = base.split(':');
  const scalar = (['string', 'boolean', 'integer', 'number'] as const).find((s) => s === word);
  const items = parseItems(facts.items);
  return {
    name,
    message,
    facts,
    repeated,
    scalar,
    nested: scalar ? undefined : base,
    bounds:
      scalar === 'integer' || scalar === 'number'
        ? parseRange(scalar, format, facts.range, parseSpecials(facts.special), facts.default)
        : undefined,
    minItems: items.min,
    maxItems: items.max,
    maxLength: longestDescription(name, merged.get(message)?.has('uuid') === true),
    target: facts.ref?.toLowerCase(),
    own: own.has(`${message}.${name}`),
  };
}

const built = new Map<string, Message>();

/** The fields of a message or of a kind's type, in alphabetical order. Throws for a name that the tables do not have. */
export function fieldsOf(message: string): Message {
  const known = built.get(message);
  if (known) return known;
  const facts = merged.get(message);
  if (!facts) throw new Error(`no message named ${message} in the tables`);
  const fields = new Map<string, Field>();
  for (const name of [...facts.keys()].sort()) {
    fields.set(name, buildField(message, name, facts.get(name) as Facts));
  }
  built.set(message, fields);
  return fields;
}

/** Every message and kind type that the tables have, in alphabetical order. */
export function messageNames(): string[] {
  return [...merged.keys()].sort();
}

/** The field at a dotted path (`servers[].ip.addr`; indices are ignored), or undefined. */
export function fieldAt(message: string, path: string): Field | undefined {
  let at: string | undefined = message;
  let field: Field | undefined;
  for (const step of path.replaceAll(/\[\d*\]/g, '').split('.')) {
    if (at === undefined) return undefined;
    field = fieldsOf(at).get(step);
    if (!field) return undefined;
    at = field.nested;
  }
  return field;
}
