import { fieldsOf } from './facts.js';
import type { FilledTypes } from './generated/filled.js';
import type { KindName, KindTypes } from './generated/types.js';
import { hooksOf } from './hooks/index.js';
import { kinds } from './kinds.js';
import { mapMessages, type Json } from './walk.js';

function withDefaults(message: string, value: Json): Json {
  const filled: Json = {};
  for (const [name, field] of fieldsOf(message)) {
    if (name in value) filled[name] = value[name];
    // Identity is the store's, also where the published facts have a default for it.
    else if (field.facts.default !== undefined && !field.repeated && name !== 'uuid')
      filled[name] = field.facts.default;
  }
  // What the tables do not know is kept: a store may hold fields of a newer release.
  for (const [name, held] of Object.entries(value)) if (!(name in filled)) filled[name] = held;
  return filled;
}

function withoutDefaults(message: string, value: Json): Json {
  const fields = fieldsOf(message);
  return Object.fromEntries(
    Object.entries(value).filter(([name, held]) => {
      const facts = fields.get(name)?.facts;
      return !facts || facts.required || facts.default === undefined || held !== facts.default;
    }),
  );
}

/**
 * A copy with every default that the published schema or our own table gives, also inside the nested messages that
 * are present, and with what the server fills in by itself (a server's hostname is its address). Nested messages that
 * are absent stay absent. Never null, never an empty list.
 */
export function applyDefaults<K extends KindName>(kind: K, value: KindTypes[K]): FilledTypes[K] {
  const { fill } = hooksOf(kind);
  const filled = mapMessages(kinds[kind].type, value as unknown as Json, withDefaults);
  return (fill ? fill(filled) : filled) as unknown as FilledTypes[K];
}

/** The inverse of {@link applyDefaults}, for `skip_default=true`. Required fields stay, also at their default. */
export function stripDefaults<K extends KindName>(kind: K, value: KindTypes[K]): KindTypes[K] {
  const { unfill } = hooksOf(kind);
  const bare = unfill ? unfill(value as unknown as Json) : (value as unknown as Json);
  return mapMessages(kinds[kind].type, bare, withoutDefaults) as unknown as KindTypes[K];
}
