import { fieldsOf } from './facts.js';
import { mapMessages, type Json } from './walk.js';

function withDefaults(message: string, value: Json): Json {
  const filled: Json = {};
  for (const [name, field] of fieldsOf(message)) {
    if (name in value) filled[name] = value[name];
    // Identity is the store's, also where the published facts have a default for it.
    else if (field.facts.default !== undefined && !field.repeated && name !== 'uuid') {
      filled[name] = field.facts.default;
    }
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

/** A copy of a message with the defaults of the tables, also inside the nested messages that are present. */
export function fillMessage(message: string, value: Json): Json {
  return mapMessages(message, value, withDefaults);
}

/** A copy of a message without what equals its default. Required fields stay. */
export function stripMessage(message: string, value: Json): Json {
  return mapMessages(message, value, withoutDefaults);
}
